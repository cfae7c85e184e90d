#include "app/config.h"

#include "app/config_declaration.h"
#include "app/config_sources.h"
#include "app/settings.h"
#include "base/assert.h"
#include "codec/json.h"

#define TEXT_MAX_BYTES (64 * 1024)
#define LIST_MAX_BYTES (64 * 1024 * 1024)
#define WRAP_COLUMNS 78

/* A comment, wrapped between words. */
static void put_comment(struct tb_buf *buf, const char *indent,
			struct tb_str text)
{
	size_t column = 0; /* nothing was written yet */
	struct tb_str word;

	while (text.p) {
		word = tb_str_cut(&text, ' ');
		if (column == 0 || column + 1 + word.n > WRAP_COLUMNS) {
			if (column > 0)
				tb_buf_append_char(buf, '\n');
			tb_buf_append_z(buf, indent);
			tb_buf_append_char(buf, '#');
			column = strlen(indent) + 1;
		}
		tb_buf_append_char(buf, ' ');
		tb_buf_append_str(buf, word);
		column += 1 + word.n;
	}
	tb_buf_append_char(buf, '\n');
}

/* "Threads that ... Default 64; a whole number from 1 to 1024; HUP reloads
 * it; TOMBOLO_SERVER_WORKERS." */
static void put_doc(struct tb_buf *buf, const char *indent,
		    const struct tb_settings *settings,
		    const struct tb_setting *setting)
{
	struct tb_buf text;

	tb_buf_init(&text, TEXT_MAX_BYTES);
	tb_buf_append_z(&text, setting->doc);
	tb_buf_append_z(&text, " Default: ");
	tb_setting_put_value(&text, setting, settings->defaults);
	tb_buf_append_z(&text, "; ");
	tb_setting_put_expected(&text, setting);
	if (setting->is_reloadable)
		tb_buf_append_z(&text, "; HUP reloads it");
	tb_buf_append_z(&text, "; ");
	tb_settings_put_variable(&text, settings, setting);
	tb_buf_append_char(&text, '.');
	put_comment(buf, indent, tb_buf_str(&text));
	tb_buf_fini(&text);
}

static void put_table(struct tb_buf *buf, const struct tb_settings_place *place)
{
	const struct tb_settings *settings = place->settings;
	const char *indent = settings->section[0] ? "  " : "";

	for (size_t i = 0; i < settings->n_rows; i++) {
		put_doc(buf, indent, settings, &settings->rows[i]);
		tb_buf_append_z(buf, indent);
		tb_buf_append_z(buf, settings->rows[i].name);
		tb_buf_append_z(buf, ": ");
		tb_setting_put_value(buf, &settings->rows[i], place->options);
		tb_buf_append_char(buf, '\n');
	}
}

/* Every table of the section that begins with places[at], unless an earlier
 * table has begun it. */
static void put_section(struct tb_buf *buf,
			const struct tb_settings_place *places, size_t n,
			size_t at)
{
	struct tb_str section = tb_str_z(places[at].settings->section);

	for (size_t i = 0; i < at; i++) {
		if (tb_str_eq(section, tb_str_z(places[i].settings->section)))
			return;
	}
	if (section.n > 0) {
		tb_buf_append_char(buf, '\n');
		tb_buf_append_str(buf, section);
		tb_buf_append_z(buf, ":\n");
	}
	for (size_t i = at; i < n; i++) {
		if (tb_str_eq(section, tb_str_z(places[i].settings->section)))
			put_table(buf, &places[i]);
	}
}

/* Calls `differ` for the rows of a table that differ. */
static enum tb_err compare_table(const struct tb_settings_place *place,
				 const void *other, tb_config_differ_fn *differ,
				 void *ctx)
{
	const struct tb_setting *row;
	struct tb_buf texts[3]; /* key, value, other value */
	enum tb_err err = TB_OK;

	for (size_t i = 0; i < TB_ARRAY_LEN(texts); i++)
		tb_buf_init(&texts[i], TEXT_MAX_BYTES);
	for (size_t i = 0; !err && i < place->settings->n_rows; i++) {
		row = &place->settings->rows[i];
		for (size_t j = 0; j < TB_ARRAY_LEN(texts); j++)
			tb_buf_reset(&texts[j]);
		tb_settings_put_key(&texts[0], place->settings, row);
		tb_buf_append_char(&texts[0], '\0');
		tb_setting_put_value(&texts[1], row, place->options);
		tb_setting_put_value(&texts[2], row, other);
		for (size_t j = 0; !err && j < TB_ARRAY_LEN(texts); j++)
			err = tb_buf_err(&texts[j]);
		if (!err &&
		    !tb_str_eq(tb_buf_str(&texts[1]), tb_buf_str(&texts[2])))
			differ(ctx, texts[0].p, row->is_reloadable);
	}
	for (size_t i = 0; i < TB_ARRAY_LEN(texts); i++)
		tb_buf_fini(&texts[i]);
	return err;
}

static void put_collections(struct tb_buf *buf, const struct tb_config *config)
{
	tb_config_put_declaration(buf, &config->declaration);
}

static void put_sources(struct tb_buf *buf, const struct tb_config *config)
{
	tb_config_put_sources(buf, &config->sources);
}

/* The lists at the top, which are the same if they are shown alike. */
static const struct list {
	const char *key;
	void (*put)(struct tb_buf *buf, const struct tb_config *config);
} lists[] = {
	{ "collections", put_collections },
	{ "sources", put_sources },
};

static enum tb_err compare_list(const struct list *list,
				const struct tb_config *a,
				const struct tb_config *b,
				tb_config_differ_fn *differ, void *ctx)
{
	struct tb_buf of_a;
	struct tb_buf of_b;
	enum tb_err err;

	tb_buf_init(&of_a, LIST_MAX_BYTES);
	tb_buf_init(&of_b, LIST_MAX_BYTES);
	list->put(&of_a, a);
	list->put(&of_b, b);
	err = tb_buf_err(&of_a) ? tb_buf_err(&of_a) : tb_buf_err(&of_b);
	if (!err && !tb_str_eq(tb_buf_str(&of_a), tb_buf_str(&of_b)))
		differ(ctx, list->key, false);
	tb_buf_fini(&of_a);
	tb_buf_fini(&of_b);
	return err;
}

void tb_config_put(struct tb_buf *buf, const struct tb_config *config)
{
	struct tb_settings_place places[TB_SETTINGS_PLACES_MAX];
	/* The places are those of a configuration that could be changed;
	 * here they are only read. */
	size_t n = tb_settings_places((struct tb_config *)config, places);

	tb_buf_append_z(buf, "# The configuration of tombolo, with every "
			     "setting. A setting that a\n# file leaves out "
			     "has its default; a variable overrides the "
			     "file.\n\n");
	for (size_t i = 0; i < n; i++)
		put_section(buf, places, n, i);
	for (size_t i = 0; i < TB_ARRAY_LEN(lists); i++)
		lists[i].put(buf, config);
}

enum tb_err tb_config_compare(const struct tb_config *a,
			      const struct tb_config *b,
			      tb_config_differ_fn *differ, void *ctx)
{
	struct tb_settings_place of_a[TB_SETTINGS_PLACES_MAX];
	struct tb_settings_place of_b[TB_SETTINGS_PLACES_MAX];
	size_t n = tb_settings_places((struct tb_config *)a, of_a);
	enum tb_err err = TB_OK;

	tb_settings_places((struct tb_config *)b, of_b);
	for (size_t i = 0; !err && i < n; i++)
		err = compare_table(&of_a[i], of_b[i].options, differ, ctx);
	for (size_t i = 0; !err && i < TB_ARRAY_LEN(lists); i++)
		err = compare_list(&lists[i], a, b, differ, ctx);
	return err;
}
