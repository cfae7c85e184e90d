#include "http/encoding.h"

/* A quality value that is not zero: "q=0.5"; the bad ones count as zero.
 * weight = OWS ";" OWS "q=" qvalue (RFC 9110, 12.4.2) */
static bool weight_is_positive(struct tb_str weight)
{
	struct tb_str name = tb_str_cut(&weight, '=');
	bool positive = false;
	size_t i;

	if (!tb_str_eq_nocase(tb_str_trim(name), TB_STR("q")) ||
	    weight.n == 0 || weight.n > 5)
		return false;
	for (i = 0; i < weight.n; i++) {
		bool is_digit = weight.p[i] >= '0' && weight.p[i] <= '9';

		if (!is_digit && !(i == 1 && weight.p[i] == '.'))
			return false;
		if (is_digit && weight.p[i] != '0')
			positive = true;
	}
	return positive;
}

bool tb_encoding_accepts_gzip(struct tb_str accept_encoding)
{
	struct tb_str rest = accept_encoding;
	bool any = false;

	while (rest.p) {
		struct tb_str weight = tb_str_cut(&rest, ',');
		struct tb_str name = tb_str_trim(tb_str_cut(&weight, ';'));
		bool taken =
			!weight.p || weight_is_positive(tb_str_trim(weight));

		if (tb_encoding_of(name) == TB_CODING_GZIP)
			return taken;
		if (tb_str_eq(name, TB_STR("*")))
			any = taken;
	}
	return any;
}

enum tb_coding tb_encoding_of(struct tb_str content_encoding)
{
	struct tb_str name = tb_str_trim(content_encoding);

	if (name.n == 0 || tb_str_eq_nocase(name, TB_STR("identity")))
		return TB_CODING_IDENTITY;
	if (tb_str_eq_nocase(name, TB_STR("gzip")) ||
	    tb_str_eq_nocase(name, TB_STR("x-gzip")))
		return TB_CODING_GZIP;
	return TB_CODING_OTHER;
}

static struct tb_str unquote(struct tb_str s)
{
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		return tb_str(s.p + 1, s.n - 2);
	return s;
}

bool tb_encoding_is_json(struct tb_str content_type)
{
	struct tb_str rest = content_type;
	struct tb_str type = tb_str_trim(tb_str_cut(&rest, ';'));

	if (!tb_str_eq_nocase(type, TB_STR("application/json")))
		return false;
	while (rest.p) {
		struct tb_str value = tb_str_cut(&rest, ';');
		struct tb_str name = tb_str_trim(tb_str_cut(&value, '='));

		if (tb_str_eq_nocase(name, TB_STR("charset")) &&
		    !tb_str_eq_nocase(unquote(tb_str_trim(value)),
				      TB_STR("utf-8")))
			return false;
	}
	return true;
}
