"""What -t says of settings and of the files that they name: where, which, why.

Each of them is the program run to its end, as an operator runs it.
"""

import os

import pytest

from test_process import place, run  # noqa: F401

MARK = b"\xef\xbb\xbf"
ARTICLE = (b'{"title":"t","url":"http://a/%d","date":"2025-01-31",'
           b'"text":"x"}')
URL = "llm_base_url=http://127.0.0.1:9/v1"


def check(place, *settings, **env):
    """What -t says; None: it is valid."""
    args = [arg for setting in settings for arg in ("-s", setting)]
    status, output, errors = run(place, "-t", *args, **env)
    if status == 0:
        assert output == "causerie: the configuration is valid\n"
        assert errors == ""
        return None
    assert status == 2 and output == ""
    assert errors.startswith("causerie: ") and errors.count("\n") == 1
    return errors.removeprefix("causerie: ").rstrip("\n")


def write(place, name, content):
    path = place.path / name
    path.write_bytes(content)
    return path


def check_file(place, content):
    """What it says of a configuration file of this content."""
    path = write(place, "c.conf", content)
    status, _, errors = run(place, "-t", "-f", str(path))
    return None if status == 0 else errors.replace(str(path), "C")


# what editors and other programs add


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_byte_order_mark_and_any_line_end_are_fine(place, end):
    conf = MARK + b"# a comment" + end + b"threads = 2" + end
    key = write(place, "key", MARK + b"sk-canary" + end)
    prompt = write(place, "prompt", MARK + "Réponds.".encode() + end)
    articles = write(place, "articles",
                     MARK + end.join(ARTICLE % n for n in range(3)) + end)
    assert check_file(place, conf) is None
    assert check(place, f"llm_api_key_file={key}",
                 f"system_prompt_file={prompt}",
                 f"articles={articles}") is None


@pytest.mark.parametrize("content", [
    b"sk-canary \n", b"sk-canary\n\n", b"sk-canary\t\r\n\r\n", b"c2s=\n",
    b"c2stY2E==", b"\nsk-canary"])
def test_a_key_file_may_have_blanks_around_its_line(place, content):
    assert check(place, f"llm_api_key_file={write(place, 'k', content)}") \
        is None


@pytest.mark.parametrize("setting", [
    "llm_base_url=HTTPS://API.example.com/v1", "llm_base_url=Http://h/v1",
    "llm_base_url=https://h/v1/"])
def test_a_scheme_may_be_in_capitals(place, setting):
    assert check(place, setting, "llm_model=m") is None


def test_a_models_name_may_have_blanks(place):
    assert check(place, URL, "llm_model=Mistral Small 24B (Q4)") is None


def test_a_variable_without_a_value_is_as_good_as_none(place):
    assert check(place, CAUSERIE_THREADS="", CAUSERIE_LLM_API_KEY="",
                 CAUSERIE_LOG_LEVEL=" ", CAUSERIE_LISTEN="\r") is None


# what cannot be meant


@pytest.mark.parametrize("quoted", [
    'threads="4"', "articles='/srv/a.jsonl'", 'llm_model="m"',
    "log_level='info'", 'base_path="/api"', "llm_model=“m”",
    'allowed_origins="https://a.example"', 'rate_new="20/60"'])
def test_quotes_are_to_be_left_out(place, quoted):
    key, value = quoted.split("=", 1)
    name = "CAUSERIE_" + key.upper()
    said = check(place, quoted)
    assert said.startswith(f"-s: {key}: must be ")
    assert said.endswith("; leave out the quotes")
    said = check(place, **{name: value})
    assert said.startswith(f"{name}: {key}: must be ")
    assert said.endswith("; leave out the quotes")


@pytest.mark.parametrize("end", [
    "/chat/completions", "/chat/completions/", "/Chat/Completions"])
def test_a_base_url_is_without_what_is_appended(place, end):
    said = check(place, URL + end, "llm_model=m")
    assert said.startswith("-s: llm_base_url: must be ")
    assert "leave out /chat/completions" in said


@pytest.mark.parametrize("content", [
    b"OPENAI_API_KEY=sk-canary", b"export KEY=sk-canary\n",
    b"llm_api_key = sk-canary\n", b'KEY="sk-canary"'])
def test_a_key_file_is_not_a_file_of_variables(place, content):
    path = write(place, "key", content)
    said = check(place, f"llm_api_key_file={path}")
    assert said.startswith(f"llm_api_key_file: {path}: ")
    assert "leave out the name" in said
    assert "canary" not in said


@pytest.mark.parametrize("setting", [
    "llm_api_key_file", "llm_headers_file", "llm_proxy_user_file"])
@pytest.mark.parametrize("value", ["sk-canary", '"sk-canary"', "me:canary"])
def test_a_secret_is_not_shown_where_a_path_belongs(place, setting, value):
    said = check(place, f"{setting}={value}", "llm_proxy=http://127.0.0.1:9")
    assert f"{setting}: " in said and "path" in said
    assert "canary" not in said


def test_a_key_file_given_as_configuration_is_not_shown(place):
    assert "canary" not in check_file(place, b"sk-Canary-canary\n")
    assert "canary" not in check_file(place, b"sk-Canary-canary=\n")


# setting, place and reason


@pytest.mark.parametrize("line, says", [
    (b"threads", "C:1: threads: not of the form key = value; "
                 "write threads = VALUE"),
    (b"\nthreads = many", 'C:2: threads: must be a whole number, 0 to 256, '
                          'not "many"'),
    (b"threads =", "C:1: threads: must be a whole number, 0 to 256, "
                   "not empty"),
    (b"thread = 1", "C:1: thread: unknown setting; causerie -h lists all"),
    (b"LOG-LEVEL = info", "C:1: LOG-LEVEL: unknown setting; did you mean "
                          "log_level?"),
    (b"threads = 1\nthreads = 2", "C:2: threads: already set on line 1"),
    (b"a\0b", "-f: C:1: contains a NUL byte"),
    (b"#" * 5000, "-f: C:1: is longer than 4096 bytes"),
    ("threads = 1".encode("utf-16"),
     "-f: C: is encoded as UTF-16; save it as UTF-8"),
])
def test_a_line_is_told_with_place_setting_and_value(place, line, says):
    assert check_file(place, line) == f"causerie: {says}\n"


def test_an_argument_without_a_value_names_its_setting(place):
    assert check(place, "threads") == (
        "-s: threads: not of the form key = value; write threads = VALUE")


FILES = ["articles", "system_prompt_file", "llm_api_key_file", "-f"]


def check_named(place, setting, path):
    if setting != "-f":
        return check(place, f"{setting}={path}")
    status, _, errors = run(place, "-t", "-f", str(path))
    assert status == 2
    return errors.removeprefix("causerie: ").rstrip("\n")


@pytest.mark.parametrize("setting", FILES)
def test_a_file_that_cannot_be_read_is_told_with_its_setting(place, setting):
    missing = place.path / "none"
    assert check_named(place, setting, missing) == (
        f"{setting}: {missing}: cannot be read: No such file or directory")
    assert check_named(place, setting, place.path) == (
        f"{setting}: {place.path}: " + (
            "is not a regular file" if setting == "articles"
            else "cannot be read: Is a directory"))
    if os.geteuid() != 0:
        shut = write(place, "shut", b"x")
        shut.chmod(0)
        assert check_named(place, setting, shut) == (
            f"{setting}: {shut}: cannot be read: Permission denied")


@pytest.mark.parametrize("setting, what", [
    ("articles", "contains no article"),
    ("system_prompt_file", "is empty"),
    ("llm_api_key_file", "is empty; it must hold one line, the key")])
@pytest.mark.parametrize("content", [b"", b"\n", b" \r\n", MARK])
def test_an_empty_file_is_told_with_its_setting(place, setting, what, content):
    path = write(place, "file", content)
    assert check(place, f"{setting}={path}") == f"{setting}: {path}: {what}"


@pytest.mark.parametrize("setting, content, line, what", [
    ("articles", ARTICLE % 1 + b"\n" + ARTICLE % 2 + b"\0", 2,
     "contains a NUL byte"),
    ("articles", (ARTICLE % 1).replace(b'"x"', b'"%s"' % (b"x" * 300000)),
     1, "is longer than article_max_bytes"),
    ("articles", ARTICLE % 1 + b"\n" + '{"title":"é"}'.encode("cp1252"), 2,
     "is not UTF-8"),
    ("articles", b"[\n", 1,
     "is not a valid JSON object; each line must be one"),
    ("articles", ARTICLE % 1 + b"\n" + ARTICLE % 1, 2,
     'url: must be unique, not "http://a/1"'),
    ("articles", (ARTICLE % 1).replace(b"2025-01-31", b"31/01/2025"), 1,
     'date: must be YYYY-MM-DD, not "31/01/2025"'),
    ("system_prompt_file", "a\nRéponds".encode("cp1252"), 2, "is not UTF-8"),
    ("system_prompt_file", b"a\0", 1, "contains a NUL byte"),
    ("system_prompt_file", b"x" * (64 * 1024 + 1), 1,
     "is longer than 65536 bytes"),
    ("llm_api_key_file", b"a\nb", 2,
     "is a second line; the file must hold one, the key"),
    ("llm_api_key_file", b"a\0b", 1, "contains a NUL byte"),
    ("llm_api_key_file", b"x" * 4097, 1, "is longer than 4096 bytes"),
], ids=lambda value: str(value)[:20])
def test_a_broken_line_is_told_with_setting_and_place(
        place, setting, content, line, what):
    path = write(place, "file", content)
    assert check(place, f"{setting}={path}") == (
        f"{setting}: {path}:{line}: {what}")


@pytest.mark.parametrize("setting", FILES[:3])
def test_utf_16_is_named(place, setting):
    path = write(place, "file", "Réponds".encode("utf-16"))
    assert check(place, f"{setting}={path}") == (
        f"{setting}: {path}: is encoded as UTF-16; save it as UTF-8")


@pytest.mark.parametrize("setting, says", [
    ("listen=0.0.0.0:9000",
     "listen: 0.0.0.0:9000: is not a loopback address"),
    ("listen=unix:relative", "listen: unix:relative: the path must begin"),
    ("log_target=/nonexistent/log", "log_target: /nonexistent/log: cannot be "
                                    "opened: No such file or directory"),
    ("log_target=log", '-s: log_target: must be stderr, syslog or '
                       '/path/of/file, not "log"'),
    ("owner_dir=/etc/passwd", "owner_dir: /etc/passwd: is not a directory"),
    ("base_path=/api/", '-s: base_path: must be a path such as /api/chatbot, '
                        'not "/api/"; leave out the slash at its end'),
])
def test_a_place_is_told_with_its_setting(place, setting, says):
    assert check(place, setting).startswith(says)
