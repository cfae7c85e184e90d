#include "http/etag.h"

/* Looks for a tag in one or more header fields that count as one list. */
struct search {
	struct tb_str opaque; /* of the tag looked for, with its quotes */
	bool is_strong;       /* weak tags of the list are not the one */
	bool is_found;
	bool has_any; /* the list is, or has, a star */
	bool is_bad;
	size_t n;
};

/* Without `W/`, which is written in capitals alone. The weak comparison does
 * not look at it. */
static struct tb_str without_weakness(struct tb_str tag)
{
	return tb_str_starts(tag, TB_STR("W/")) ? tb_str(tag.p + 2, tag.n - 2)
						: tag;
}

static struct tb_str without_spaces(struct tb_str s)
{
	while (s.n > 0 && (*s.p == ' ' || *s.p == '\t'))
		s = tb_str(s.p + 1, s.n - 1);
	return s;
}

/* etagc = %x21 / %x23-7E / obs-text */
static bool is_etagc(unsigned char c)
{
	return c == 0x21 || (c >= 0x23 && c != 0x7f);
}

/* Cuts `DQUOTE *etagc DQUOTE` off; p NULL: there is none. */
static struct tb_str cut_opaque(struct tb_str *rest)
{
	struct tb_str opaque;
	size_t n = 1;

	if (rest->n == 0 || rest->p[0] != '"')
		return TB_STR_NONE;
	while (n < rest->n && is_etagc((unsigned char)rest->p[n]))
		n++;
	if (n == rest->n || rest->p[n] != '"')
		return TB_STR_NONE;
	opaque = tb_str(rest->p, n + 1);
	*rest = tb_str(rest->p + n + 1, rest->n - n - 1);
	return opaque;
}

/* Takes a tag or a star off the list. */
static void take_one(struct search *s, struct tb_str *rest)
{
	bool is_weak = tb_str_starts(*rest, TB_STR("W/"));
	struct tb_str opaque;

	s->n++;
	if (rest->p[0] == '*') {
		s->has_any = true;
		*rest = tb_str(rest->p + 1, rest->n - 1);
		return;
	}
	*rest = without_weakness(*rest);
	opaque = cut_opaque(rest);
	if (!opaque.p)
		s->is_bad = true;
	else if (tb_str_eq(opaque, s->opaque) && !(s->is_strong && is_weak))
		s->is_found = true;
}

/* Elements of a list may be empty (RFC 9110, 5.6.1.2). */
static void scan(struct search *s, struct tb_str list)
{
	struct tb_str rest = without_spaces(list);

	while (rest.n > 0 && !s->is_bad) {
		if (*rest.p != ',')
			take_one(s, &rest);
		rest = without_spaces(rest);
		if (rest.n > 0 && *rest.p != ',')
			s->is_bad = true;
		else if (rest.n > 0)
			rest = without_spaces(tb_str(rest.p + 1, rest.n - 1));
	}
}

static bool is_match(const struct search *s)
{
	if (s->is_bad)
		return false;
	return s->has_any ? s->n == 1 : s->is_found;
}

bool tb_etag_list_has(struct tb_str list, struct tb_str etag)
{
	struct search s = { .opaque = without_weakness(etag) };

	scan(&s, list);
	return is_match(&s);
}

/* Scans all fields of a name. False: there are none. */
static bool scan_fields(struct search *s, const struct tb_request *req,
			struct tb_str name)
{
	bool has = false;
	size_t i;

	for (i = 0; i < req->n_headers; i++) {
		if (!tb_str_eq_nocase(req->headers[i].name, name))
			continue;
		has = true;
		scan(s, req->headers[i].value);
	}
	return has;
}

bool tb_request_is_fresh(const struct tb_request *req, struct tb_str etag)
{
	struct search s = { .opaque = without_weakness(etag) };

	if (req->method != TB_GET && req->method != TB_HEAD)
		return false;
	scan_fields(&s, req, TB_STR("If-None-Match"));
	return is_match(&s);
}

bool tb_request_matches(const struct tb_request *req, struct tb_str etag,
			bool *ret_has)
{
	/* A weak tag of what is there is like none of a list. */
	struct search s = { .opaque = etag, .is_strong = true };

	*ret_has = scan_fields(&s, req, TB_STR("If-Match"));
	return !*ret_has || (etag.p && is_match(&s));
}
