#include "jobs/fetch/link_header.h"

struct link {
	struct tb_str target;
	struct tb_str rel; /* of the first parameter of that name */
	bool has_rel;
	bool has_anchor;
};

static void skip_space(struct tb_str *rest)
{
	while (rest->n > 0 && (*rest->p == ' ' || *rest->p == '\t'))
		*rest = tb_str(rest->p + 1, rest->n - 1);
}

static bool take_char(struct tb_str *rest, char c)
{
	skip_space(rest);
	if (rest->n == 0 || *rest->p != c)
		return false;
	*rest = tb_str(rest->p + 1, rest->n - 1);
	return true;
}

/* Up to a space or what ends a token; may be empty. */
static struct tb_str take_token(struct tb_str *rest)
{
	size_t n = 0;

	skip_space(rest);
	while (n < rest->n && strchr(" \t,;=\"<>", rest->p[n]) == NULL)
		n++;
	struct tb_str token = tb_str(rest->p, n);
	*rest = tb_str(rest->p + n, rest->n - n);
	return token;
}

/* What is between two quotes, of which the first was taken. False: there is no
 * second. */
static bool take_quoted(struct tb_str *rest, struct tb_str *ret)
{
	for (size_t i = 0; i < rest->n; i++) {
		if (rest->p[i] == '\\') {
			i++;
		} else if (rest->p[i] == '"') {
			*ret = tb_str(rest->p, i);
			*rest = tb_str(rest->p + i + 1, rest->n - i - 1);
			return true;
		}
	}
	return false;
}

static bool take_param(struct tb_str *rest, struct link *link)
{
	struct tb_str name = take_token(rest);
	struct tb_str value = TB_STR_NONE;

	if (take_char(rest, '=')) {
		if (!take_char(rest, '"'))
			value = take_token(rest);
		else if (!take_quoted(rest, &value))
			return false;
	}
	if (tb_str_eq_nocase(name, TB_STR("rel")) && !link->has_rel) {
		link->rel = value;
		link->has_rel = true;
	}
	if (tb_str_eq_nocase(name, TB_STR("anchor")))
		link->has_anchor = true;
	return true;
}

static bool take_link(struct tb_str *rest, struct link *ret)
{
	const char *end;

	*ret = (struct link) { 0 };
	if (!take_char(rest, '<'))
		return false;
	end = memchr(rest->p, '>', rest->n);
	if (end == NULL)
		return false;
	ret->target = tb_str(rest->p, (size_t)(end - rest->p));
	if (ret->target.n == 0)
		return false;
	*rest = tb_str(end + 1, rest->n - ret->target.n - 1);
	while (take_char(rest, ';'))
		if (!take_param(rest, ret))
			return false;
	return true;
}

/* One of the relations, which are separated by spaces. */
static bool has_relation(struct tb_str relations, struct tb_str wanted)
{
	while (relations.n > 0)
		if (tb_str_eq_nocase(tb_str_cut(&relations, ' '), wanted))
			return true;
	return false;
}

enum tb_err tb_link_header_next(struct tb_str value, struct tb_str *ret)
{
	struct tb_str rest = value;
	struct link link;

	for (;;) {
		/* A list may have empty elements (RFC 9110, 5.6.1). */
		while (take_char(&rest, ','))
			;
		if (rest.n == 0)
			break;
		if (!take_link(&rest, &link))
			return TB_ERR_INVALID;
		if (rest.n > 0 && *rest.p != ',')
			return TB_ERR_INVALID;
		if (!link.has_anchor &&
		    has_relation(link.rel, TB_STR("next"))) {
			*ret = link.target;
			return TB_OK;
		}
	}
	*ret = TB_STR_NONE;
	return TB_OK;
}
