/*
 * Search with Xapian: search_xapian ARTICLES QUESTIONS ROUNDS DIRECTORY [near].
 * The same words as in the program's own index (folded, without stop words,
 * Snowball French), passages of 1,200 bytes as documents with their title at
 * weight 4, the best passage of an article counts (collapse), BM25 with
 * Xapian's defaults; near: and neighbouring words at weight 0.6.
 */
#include <xapian.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

extern "C" {
#include "articles/passages.h"
#include "articles/tokens.h"
}
#include "search_bench.h"

namespace {

const unsigned TITLE = 4;
const unsigned WINDOW = 3;
const double NEAR = 0.6;
const Xapian::valueno ARTICLE = 0;

const Xapian::Stem stem("french");

std::vector<std::string>
terms(const char *text, size_t len)
{
	std::vector<std::string> found;
	const char *p = text, *end = text + len;
	struct token t;

	while (tokens_next(&t, &p, end))
		if (t.kind == WORD_PLAIN)
			found.push_back(stem(std::string(t.text, t.len)));
	return found;
}

void
add(Xapian::WritableDatabase &db, const struct bench_article &a)
{
	const std::vector<std::string> title = terms(
	    a.title, std::strlen(a.title));
	const char *text = a.text;
	size_t left = std::strlen(text), n;

	for (; left > 0; text += n, left -= n) {
		Xapian::Document doc;
		Xapian::termpos at = 0;

		n = passage_length(text, left);
		for (const auto &t : title)
			doc.add_posting(t, ++at, TITLE);
		at += 100;
		for (const auto &t : terms(text, n))
			doc.add_posting(t, ++at);
		doc.add_value(ARTICLE, a.url);
		doc.set_data(std::string(text, n));
		db.add_document(doc);
	}
}

Xapian::Query
query_of(const std::vector<std::string> &words, bool near)
{
	Xapian::Query q(Xapian::Query::OP_OR, words.begin(), words.end());

	for (size_t i = 1; near && i < words.size(); i++) {
		const Xapian::Query pair(Xapian::Query::OP_NEAR,
		    words.begin() + i - 1, words.begin() + i + 1, WINDOW);

		q = Xapian::Query(Xapian::Query::OP_OR, q,
		    Xapian::Query(
			Xapian::Query::OP_SCALE_WEIGHT, pair, NEAR / 2));
	}
	return q;
}

struct Bench {
	Xapian::Database db;
	bool near;
};

void
ask_one(void *arg, const struct bench_question *q, int show)
{
	const Bench *b = static_cast<const Bench *>(arg);
	std::vector<std::string> words = terms(q->text, std::strlen(q->text));
	Xapian::Enquire enquire(b->db);

	if (words.size() > 32)
		words.resize(32);
	enquire.set_query(query_of(words, b->near));
	enquire.set_collapse_key(ARTICLE);
	const Xapian::MSet found = enquire.get_mset(0, BENCH_BEST);
	if (show)
		bench_show_begin(1);
	for (auto hit = found.begin(); hit != found.end(); ++hit) {
		const std::string url = hit.get_document().get_value(ARTICLE);

		if (show)
			bench_show(url.c_str());
	}
	if (show)
		bench_show_end();
}

}

int
main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	char *text = bench_read(argv[1]), *at = text;
	const double begun = bench_cpu_us();
	double built;
	struct bench_article a;
	{
		Xapian::WritableDatabase db(argv[4],
		    Xapian::DB_CREATE_OR_OVERWRITE | Xapian::DB_NO_SYNC);

		while (bench_next_article(&at, &a))
			add(db, a);
		db.commit();
		built = bench_cpu_us() - begun;
	}
	std::free(text);
	Bench b = { Xapian::Database(argv[4]), argc > 5 };
	bench_ask_all(argv[2], std::atoi(argv[3]), ask_one, &b);
	bench_report(built, 0, b.db.get_doccount());
	return 0;
}
