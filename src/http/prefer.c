#include "http/prefer.h"

#include "base/assert.h"
#include "http/hygiene.h"

/* Values of one name exclude each other. */
#define RETURN (TB_PREFER_MINIMAL | TB_PREFER_REPRESENTATION)

static const struct {
	struct tb_str name;
	struct tb_str value;
	unsigned prefer;
	unsigned all; /* of this name */
} known[] = {
	{ TB_STR_INIT("return"), TB_STR_INIT("minimal"), TB_PREFER_MINIMAL,
	  RETURN },
	{ TB_STR_INIT("return"), TB_STR_INIT("representation"),
	  TB_PREFER_REPRESENTATION, RETURN },
	{ TB_STR_INIT("handling"), TB_STR_INIT("lenient"), TB_PREFER_LENIENT,
	  TB_PREFER_LENIENT },
};

/* Where the quoted string at the beginning ends; 0: nowhere. */
static size_t quoted_len(struct tb_str s)
{
	size_t i;

	for (i = 1; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			return i + 1;
	}
	return 0;
}

/* As tb_str_cut, but not inside of quotes. One that is never closed takes the
 * rest with it. */
static struct tb_str cut(struct tb_str *rest, char sep)
{
	struct tb_str whole = *rest;
	size_t i = 0;

	while (i < whole.n && whole.p[i] != sep) {
		size_t n = 1;

		if (whole.p[i] == '"')
			n = quoted_len(tb_str(whole.p + i, whole.n - i));
		i = n > 0 ? i + n : whole.n;
	}
	if (i < whole.n)
		*rest = tb_str(whole.p + i + 1, whole.n - i - 1);
	else
		*rest = TB_STR_NONE;
	return tb_str(whole.p, i);
}

/* word = token / quoted-string; an empty one is none (RFC 7240, 2). */
static bool is_word(struct tb_str s)
{
	if (s.n > 0 && s.p[0] == '"')
		return quoted_len(s) == s.n;
	return s.n == 0 || tb_hygiene_is_token(s);
}

/* The known values need no escapes, so that nobody writes them with some. */
static struct tb_str unquoted(struct tb_str word)
{
	if (word.n >= 2 && word.p[0] == '"')
		return tb_str(word.p + 1, word.n - 2);
	return word;
}

/* preference = token [ BWS "=" BWS word ] *( OWS ";" [ OWS parameter ] ) */
static void take_one(struct tb_str element, unsigned *seen, unsigned *prefers)
{
	struct tb_str value = cut(&element, ';');
	struct tb_str name = tb_str_trim(cut(&value, '='));
	unsigned named = 0;
	size_t i;

	value = tb_str_trim(value);
	if (!tb_hygiene_is_token(name) || !is_word(value))
		return;
	for (i = 0; i < TB_ARRAY_LEN(known); i++) {
		if (!tb_str_eq_nocase(name, known[i].name))
			continue;
		if (!(*seen & known[i].all) &&
		    tb_str_eq_nocase(unquoted(value), known[i].value))
			*prefers |= known[i].prefer;
		named |= known[i].all;
	}
	*seen |= named;
}

unsigned tb_request_prefers(const struct tb_request *req)
{
	unsigned seen = 0, prefers = 0;
	size_t i;

	for (i = 0; i < req->n_headers; i++) {
		struct tb_str rest = req->headers[i].value;

		if (!tb_str_eq_nocase(req->headers[i].name, TB_STR("Prefer")))
			continue;
		while (rest.p)
			take_one(cut(&rest, ','), &seen, &prefers);
	}
	return prefers;
}
