#include "codec/json.h"
#include "kernel/acl.h"

#define ROOT TB_STR("rules")
/* The root's members, the rules, and theirs. */
#define TAPE_DEPTH 3

enum field {
	USER,
	ITEM,
	ACTION,
	N_PATTERNS,
	ALLOW = N_PATTERNS,
	N_FIELDS,
};

/* A field's name, and what is said of it. */
struct field_words {
	struct tb_str name;
	const char *missing;
	const char *type;
	const char *empty;
	const char *too_long;
	const char *control;
	const char *star;
};

#define PATTERN_WORDS(name)                                                    \
	{                                                                      \
		TB_STR_INIT(name), name ": missing", name ": not a string",    \
			name ": empty", name ": over 512 bytes",               \
			name ": a control character", name ": a star inside"   \
	}

static const struct field_words words[N_FIELDS] = {
	[USER] = PATTERN_WORDS("user"),
	[ITEM] = PATTERN_WORDS("item"),
	[ACTION] = PATTERN_WORDS("action"),
	[ALLOW] = { .name = TB_STR_INIT("allow"),
		    .missing = "allow: missing",
		    .type = "allow: not a boolean" },
};

/* C0, DEL, and C1 (U+0080 to U+009F). */
static bool has_control(struct tb_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7f)
			return true;
		if (c == 0xc2 && i + 1 < s.n &&
		    (unsigned char)s.p[i + 1] < 0xa0)
			return true;
	}
	return false;
}

/* True for a star that is not the whole pattern or, of an item, its end. */
static bool has_star_inside(enum field field, struct tb_str s)
{
	const char *star = memchr(s.p, '*', s.n);

	if (star == NULL)
		return false;
	return star != s.p + s.n - 1 || (field != ITEM && s.n > 1);
}

static const char *pattern_flaw(enum field field, struct tb_str s)
{
	if (s.n == 0)
		return words[field].empty;
	if (s.n > TB_ACL_PATTERN_MAX_BYTES)
		return words[field].too_long;
	if (has_control(s))
		return words[field].control;
	return has_star_inside(field, s) ? words[field].star : NULL;
}

static enum field field_of(struct tb_json_value key)
{
	enum field f = USER;

	while (f < N_FIELDS && !tb_json_string_is(key, words[f].name))
		f++;
	return f;
}

static enum tb_err parse_field(struct tb_arena *arena, enum field field,
			       struct tb_json_value value,
			       struct tb_acl_rule *rule, const char **ret_what)
{
	struct tb_str *const patterns[N_PATTERNS] = {
		[USER] = &rule->user,
		[ITEM] = &rule->item,
		[ACTION] = &rule->action,
	};
	enum tb_err err =
		field == ALLOW ? tb_json_bool(value, &rule->allow)
			       : tb_json_string(arena, value, patterns[field]);

	if (err == TB_ERR_INVALID)
		*ret_what = words[field].type;
	else if (err == TB_OK && field != ALLOW)
		*ret_what = pattern_flaw(field, *patterns[field]);
	return err == TB_OK && *ret_what != NULL ? TB_ERR_INVALID : err;
}

static enum tb_err parse_rule(struct tb_arena *arena,
			      struct tb_json_value value,
			      struct tb_acl_rule *ret, const char **ret_what)
{
	bool is_there[N_FIELDS] = { false };
	struct tb_json_iter it;

	if (!tb_json_is(value, TB_JSON_OBJECT)) {
		*ret_what = "not an object";
		return TB_ERR_INVALID;
	}
	it = tb_json_iter(value);
	while (tb_json_next(&it)) {
		enum field field = field_of(it.key);
		enum tb_err err;

		if (field == N_FIELDS) {
			*ret_what = "unknown field";
			return TB_ERR_INVALID;
		}
		is_there[field] = true;
		err = parse_field(arena, field, it.value, ret, ret_what);
		if (err != TB_OK)
			return err;
	}
	for (size_t f = 0; f < N_FIELDS; f++)
		if (!is_there[f]) {
			*ret_what = words[f].missing;
			return TB_ERR_INVALID;
		}
	return TB_OK;
}

/* Finds the list itself. */
static enum tb_err find_rules(const struct tb_json *json,
			      struct tb_json_value *ret, const char **ret_what)
{
	struct tb_json_value root = tb_json_root(json);
	struct tb_json_iter it;

	*ret = TB_JSON_ABSENT;
	*ret_what = "not an object";
	if (!tb_json_is(root, TB_JSON_OBJECT))
		return TB_ERR_INVALID;
	it = tb_json_iter(root);
	*ret_what = "unknown field";
	while (tb_json_next(&it)) {
		if (!tb_json_string_is(it.key, ROOT))
			return TB_ERR_INVALID;
		*ret = it.value;
	}
	*ret_what = tb_json_is_absent(*ret) ? "rules: missing"
					    : "rules: not an array";
	return tb_json_is(*ret, TB_JSON_ARRAY) ? TB_OK : TB_ERR_INVALID;
}

static enum tb_err parse_rules(struct tb_arena *arena,
			       struct tb_json_value list,
			       struct tb_acl_rule *rules,
			       struct tb_acl_flaw *flaw)
{
	struct tb_json_iter it = tb_json_iter(list);

	for (size_t i = 0; tb_json_next(&it); i++) {
		enum tb_err err =
			parse_rule(arena, it.value, &rules[i], &flaw->what);

		if (err != TB_OK) {
			flaw->rule = i;
			return err;
		}
	}
	return TB_OK;
}

/* The rule that an offset lies in, of a text that is JSON up to there;
 * SIZE_MAX: in none. */
static size_t rule_at(struct tb_str text, size_t offset)
{
	size_t depth = 0;
	size_t rule = 0;
	bool in_string = false;

	for (size_t i = 0; i < offset && i < text.n; i++) {
		char c = text.p[i];

		if (in_string) {
			i += c == '\\';
			in_string = c != '"';
			continue;
		}
		in_string = c == '"';
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		rule += c == ',' && depth == 2;
	}
	return depth >= 3 ? rule : SIZE_MAX;
}

static enum tb_err parse_text(struct tb_arena *arena, struct tb_str text,
			      struct tb_json *ret, struct tb_acl_flaw *flaw)
{
	struct tb_json_limits limits = tb_json_default_limits;
	struct tb_json_error error;
	enum tb_err err;

	flaw->what = "too large";
	if (text.n > TB_ACL_TEXT_MAX_BYTES)
		return TB_ERR_INVALID;
	limits.tape_depth = TAPE_DEPTH;
	err = tb_json_parse(arena, text, &limits, ret, &error);
	if (err == TB_ERR_INVALID || err == TB_ERR_TOO_DEEP) {
		flaw->what = error.what;
		flaw->rule = rule_at(text, error.offset);
		return TB_ERR_INVALID;
	}
	return err == TB_ERR_TOO_LARGE ? TB_ERR_INVALID : err;
}

enum tb_err tb_acl_parse(struct tb_arena *arena, struct tb_str text,
			 const struct tb_acl_rule **ret, size_t *ret_n,
			 struct tb_acl_flaw *ret_flaw)
{
	struct tb_acl_flaw flaw = { .rule = SIZE_MAX };
	struct tb_json_value list;
	struct tb_acl_rule *rules;
	struct tb_json json;
	size_t n = 0;
	enum tb_err err = parse_text(arena, text, &json, &flaw);

	if (err == TB_OK)
		err = find_rules(&json, &list, &flaw.what);
	if (err == TB_OK) {
		n = tb_json_count(list);
		flaw.what = "too many rules";
		err = n > TB_ACL_RULES_MAX ? TB_ERR_INVALID : TB_OK;
	}
	if (err == TB_OK) {
		rules = tb_arena_calloc(arena, n, sizeof(*rules));
		flaw.what = NULL;
		err = rules != NULL ? parse_rules(arena, list, rules, &flaw)
				    : TB_ERR_NOMEM;
	}
	if (err == TB_ERR_INVALID)
		*ret_flaw = flaw;
	if (err != TB_OK)
		return err;
	*ret = rules;
	*ret_n = n;
	return TB_OK;
}
