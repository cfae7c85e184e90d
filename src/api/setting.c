#include "api/setting.h"

#include "base/assert.h"
#include "codec/json.h"

const struct tb_setting *tb_settings_find(const struct tb_settings *settings,
					  struct tb_str name)
{
	for (size_t i = 0; i < settings->n_rows; i++) {
		if (tb_str_eq(tb_str_z(settings->rows[i].name), name))
			return &settings->rows[i];
	}
	return NULL;
}

static void *member(const struct tb_setting *setting, void *options)
{
	return (char *)options + setting->offset;
}

static const void *member_const(const struct tb_setting *setting,
				const void *options)
{
	return (const char *)options + setting->offset;
}

static enum tb_err set_number(const struct tb_setting *setting, void *options,
			      struct tb_str text)
{
	uint64_t v;
	enum tb_err err = tb_str_to_u64(text, &v);

	if (err)
		return err;
	if (v < setting->min || v > setting->max)
		return TB_ERR_INVALID;
	if (setting->width == sizeof(uint32_t)) {
		*(uint32_t *)member(setting, options) = (uint32_t)v;
	} else {
		TB_ASSERT(setting->width == sizeof(uint64_t));
		*(uint64_t *)member(setting, options) = v;
	}
	return TB_OK;
}

static enum tb_err set_flag(const struct tb_setting *setting, void *options,
			    struct tb_str text)
{
	static const char *const words[][2] = {
		{ "no", "yes" },
		{ "false", "true" },
		{ "off", "on" },
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(words); i++) {
		for (size_t j = 0; j < 2; j++) {
			if (!tb_str_eq_nocase(text, tb_str_z(words[i][j])))
				continue;
			*(bool *)member(setting, options) = j == 1;
			return TB_OK;
		}
	}
	return TB_ERR_INVALID;
}

static enum tb_err set_choice(const struct tb_setting *setting, void *options,
			      struct tb_str text)
{
	for (unsigned i = 0; setting->choices[i]; i++) {
		if (!tb_str_eq(text, tb_str_z(setting->choices[i])))
			continue;
		*(unsigned *)member(setting, options) = i;
		return TB_OK;
	}
	return TB_ERR_INVALID;
}

/* A checked copy of one text, with a NUL behind it. */
static enum tb_err take_text(const struct tb_setting *setting,
			     struct tb_arena *arena, struct tb_str text,
			     const char **ret)
{
	struct tb_str copy;
	enum tb_err err;

	if (text.n > 0 && memchr(text.p, '\0', text.n))
		return TB_ERR_INVALID;
	if (setting->is_valid && !setting->is_valid(text))
		return TB_ERR_INVALID;
	err = tb_arena_strdup(arena, text, &copy);
	if (err)
		return err;
	*ret = copy.p;
	return TB_OK;
}

static enum tb_err set_list(const struct tb_setting *setting, void *options,
			    struct tb_arena *arena, const struct tb_str *items,
			    size_t n_items)
{
	const char **list;
	enum tb_err err;

	if (n_items > TB_SETTING_LIST_MAX)
		return TB_ERR_INVALID;
	list = tb_arena_calloc(arena, n_items + 1, sizeof(*list));
	if (!list)
		return TB_ERR_NOMEM;
	for (size_t i = 0; i < n_items; i++) {
		err = take_text(setting, arena, items[i], &list[i]);
		if (err)
			return err;
	}
	*(const char *const **)member(setting, options) = list;
	return TB_OK;
}

enum tb_err tb_setting_set(const struct tb_setting *setting, void *options,
			   struct tb_arena *arena, const struct tb_str *items,
			   size_t n_items)
{
	if (setting->kind == TB_SETTING_LIST)
		return set_list(setting, options, arena, items, n_items);
	if (n_items != 1)
		return TB_ERR_INVALID;
	switch (setting->kind) {
	case TB_SETTING_NUMBER:
		return set_number(setting, options, items[0]);
	case TB_SETTING_FLAG:
		return set_flag(setting, options, items[0]);
	case TB_SETTING_CHOICE:
		return set_choice(setting, options, items[0]);
	case TB_SETTING_TEXT:
		return take_text(setting, arena, items[0],
				 member(setting, options));
	case TB_SETTING_LIST:
		break;
	}
	TB_UNREACHABLE();
}

enum tb_err tb_setting_set_text(const struct tb_setting *setting, void *options,
				struct tb_arena *arena, struct tb_str text)
{
	struct tb_str items[TB_SETTING_LIST_MAX];
	size_t n = 0;

	if (setting->kind != TB_SETTING_LIST)
		return tb_setting_set(setting, options, arena, &text, 1);
	if (tb_str_trim(text).n == 0)
		return tb_setting_set(setting, options, arena, NULL, 0);
	while (text.p) {
		if (n == TB_SETTING_LIST_MAX)
			return TB_ERR_INVALID;
		items[n++] = tb_str_trim(tb_str_cut(&text, ','));
	}
	return tb_setting_set(setting, options, arena, items, n);
}

static void put_choices(struct tb_buf *buf, const char *const *choices)
{
	for (size_t i = 0; choices[i]; i++) {
		if (i > 0)
			tb_buf_append_z(buf, choices[i + 1] ? ", " : " or ");
		tb_buf_append_z(buf, choices[i]);
	}
}

void tb_setting_put_expected(struct tb_buf *buf,
			     const struct tb_setting *setting)
{
	switch (setting->kind) {
	case TB_SETTING_NUMBER:
		tb_buf_append_z(buf, "a whole number from ");
		tb_buf_append_u64(buf, setting->min);
		tb_buf_append_z(buf, " to ");
		tb_buf_append_u64(buf, setting->max);
		return;
	case TB_SETTING_FLAG:
		tb_buf_append_z(buf, "yes or no");
		return;
	case TB_SETTING_CHOICE:
		put_choices(buf, setting->choices);
		return;
	case TB_SETTING_TEXT:
		tb_buf_append_z(buf, setting->expected);
		return;
	case TB_SETTING_LIST:
		tb_buf_append_z(buf, "a list, each item ");
		tb_buf_append_z(buf, setting->expected);
		return;
	}
	TB_UNREACHABLE();
}

static void put_number(struct tb_buf *buf, const struct tb_setting *setting,
		       const void *at)
{
	if (setting->width == sizeof(uint32_t))
		tb_buf_append_u64(buf, *(const uint32_t *)at);
	else
		tb_buf_append_u64(buf, *(const uint64_t *)at);
}

static void put_list(struct tb_buf *buf, const char *const *list)
{
	tb_buf_append_char(buf, '[');
	for (size_t i = 0; list && list[i]; i++) {
		if (i > 0)
			tb_buf_append_z(buf, ", ");
		tb_json_put_string(buf, tb_str_z(list[i]));
	}
	tb_buf_append_char(buf, ']');
}

void tb_setting_put_value(struct tb_buf *buf, const struct tb_setting *setting,
			  const void *options)
{
	const void *at = member_const(setting, options);

	switch (setting->kind) {
	case TB_SETTING_NUMBER:
		put_number(buf, setting, at);
		return;
	case TB_SETTING_FLAG:
		tb_buf_append_z(buf, *(const bool *)at ? "yes" : "no");
		return;
	case TB_SETTING_CHOICE:
		tb_buf_append_z(buf, setting->choices[*(const unsigned *)at]);
		return;
	case TB_SETTING_TEXT:
		/* A JSON string is a YAML string too. */
		tb_json_put_string(buf, tb_str_z(*(const char *const *)at));
		return;
	case TB_SETTING_LIST:
		put_list(buf, *(const char *const *const *)at);
		return;
	}
	TB_UNREACHABLE();
}
