#include "app/config_declaration.h"
#include "app/config_fields.h"

#define KEY_INDENT "    "
#define ITEM "      - {"

/* What YAML would not take as it is, or take for the end of a line: controls,
 * and the likes of U+2028. `n`: bytes of it; 0: it may stand as it is. */
static size_t put_escaped(struct tb_buf *buf, const unsigned char *p, size_t n)
{
	unsigned code;

	if (*p == '"' || *p == '\\') {
		tb_buf_printf(buf, "\\%c", *p);
		return 1;
	}
	if (*p < ' ' || *p == 0x7f) {
		tb_buf_printf(buf, "\\x%02X", *p);
		return 1;
	}
	if (n >= 2 && *p == 0xc2 && p[1] < 0xa0) {
		tb_buf_printf(buf, "\\x%02X", p[1]);
		return 2;
	}
	if (n < 3 || (*p != 0xe2 && *p != 0xef))
		return 0;
	code = (*p & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	if (code != 0x2028 && code != 0x2029 && code != 0xfeff && code < 0xfffe)
		return 0;
	tb_buf_printf(buf, "\\u%04X", code);
	return 3;
}

static void put_string(struct tb_buf *buf, struct tb_str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t len;

	tb_buf_append_char(buf, '"');
	for (size_t i = 0; i < s.n; i += len) {
		len = put_escaped(buf, &p[i], s.n - i);
		if (len > 0)
			continue;
		tb_buf_append_char(buf, s.p[i]);
		len = 1;
	}
	tb_buf_append_char(buf, '"');
}

static void put_pair(struct tb_buf *buf, const char *before, const char *key,
		     struct tb_str value)
{
	tb_buf_append_z(buf, before);
	tb_buf_append_z(buf, key);
	tb_buf_append_z(buf, ": ");
	put_string(buf, value);
}

/* The same of what may not have been given. */
static void put_given(struct tb_buf *buf, const char *key, struct tb_str value)
{
	if (value.p)
		put_pair(buf, ", ", key, value);
}

static void put_list(struct tb_buf *buf, const char *before, const char *key,
		     const struct tb_str *list, size_t n)
{
	if (n == 0)
		return;
	tb_buf_append_z(buf, before);
	tb_buf_append_z(buf, key);
	for (size_t i = 0; i < n; i++) {
		tb_buf_append_z(buf, i == 0 ? ": [" : ", ");
		put_string(buf, list[i]);
	}
	tb_buf_append_char(buf, ']');
}

static void put_line(struct tb_buf *buf, const char *key, const char *value)
{
	tb_buf_append_z(buf, KEY_INDENT);
	tb_buf_append_z(buf, key);
	tb_buf_append_z(buf, ": ");
	tb_buf_append_z(buf, value);
	tb_buf_append_char(buf, '\n');
}

static void put_text(struct tb_buf *buf, const char *key, struct tb_str value)
{
	if (!value.p)
		return;
	put_pair(buf, KEY_INDENT, key, value);
	tb_buf_append_char(buf, '\n');
}

static void put_number(struct tb_buf *buf, const char *key, uint32_t value)
{
	if (value > 0)
		tb_buf_printf(buf, KEY_INDENT "%s: %u\n", key, value);
}

/* ---- where records go ---- */

static void put_also(struct tb_buf *buf, const struct tb_also *also)
{
	put_pair(buf, ITEM, "field", also->field);
	put_given(buf, "when_field", also->when_field);
	put_given(buf, "when_value", also->when_value);
	tb_buf_append_z(buf, "}\n");
}

static void put_route(struct tb_buf *buf,
		      const struct tb_collection *collection)
{
	static const char *const names[] = {
		[TB_ROUTING_CENTRAL] = "central",
		[TB_ROUTING_STORE] = "store",
		[TB_ROUTING_PARENT] = "parent",
	};

	put_line(buf, "route", names[collection->routing]);
	put_text(buf, "field", collection->field);
	put_text(buf, "parent", collection->parent);
	if (collection->centre_wins)
		put_line(buf, "conflict", "centre");
	if (collection->n_also > 0)
		tb_buf_append_z(buf, KEY_INDENT "also:\n");
	for (size_t i = 0; i < collection->n_also; i++)
		put_also(buf, &collection->also[i]);
}

/* ---- how they are shown ---- */

static void put_times(struct tb_buf *buf,
		      const struct tb_collection *collection)
{
	put_pair(buf, KEY_INDENT "times: {", "updated",
		 collection->updated_name);
	put_given(buf, "created", collection->created_name);
	put_given(buf, "synced", collection->synced_name);
	tb_buf_append_z(buf, "}\n");
}

static void put_rules(struct tb_buf *buf,
		      const struct tb_collection *collection)
{
	if (collection->n_rules > 0)
		tb_buf_append_z(buf, KEY_INDENT "visible:\n");
	for (size_t i = 0; i < collection->n_rules; i++) {
		const struct tb_sight_rule *rule = &collection->rules[i];

		put_pair(buf, ITEM, "role", rule->role);
		put_given(buf, "through", rule->through);
		put_given(buf, "reference", rule->reference);
		put_given(buf, "field", rule->field);
		tb_buf_append_z(buf, "}\n");
	}
}

static void put_filters(struct tb_buf *buf,
			const struct tb_collection *collection, bool with_docs)
{
	if (collection->n_filters > 0)
		tb_buf_append_z(buf, KEY_INDENT "filters:\n");
	for (size_t i = 0; i < collection->n_filters; i++) {
		put_pair(buf, ITEM, "field", collection->filters[i].field);
		if (with_docs)
			put_given(buf, "doc", collection->filters[i].doc);
		tb_buf_append_z(buf, "}\n");
	}
}

static void put_resource(struct tb_buf *buf,
			 const struct tb_collection *collection, bool with_docs)
{
	put_times(buf, collection);
	if (collection->order == TB_ORDER_COMMIT)
		put_line(buf, "order", "commit");
	if (collection->n_writers > 0) {
		put_list(buf, KEY_INDENT, "writers", collection->writers,
			 collection->n_writers);
		tb_buf_append_char(buf, '\n');
	}
	if (collection->base_optional)
		put_line(buf, "base", "optional");
	put_number(buf, "history", collection->history);
	put_number(buf, "max_token_age", collection->max_token_age_s);
	put_rules(buf, collection);
	put_filters(buf, collection, with_docs);
}

/* ---- all of it ---- */

static void put_field(struct tb_buf *buf, const struct tb_field *field)
{
	put_pair(buf, ITEM, "name", field->name);
	tb_buf_append_z(buf, ", type: ");
	tb_buf_append_z(buf, tb_config_field_types[field->type]);
	tb_buf_append_z(buf, field->required ? ", required: yes" : "");
	tb_buf_append_z(buf, field->nullable ? "" : ", nullable: no");
	tb_buf_append_z(buf, field->centre_wins ? ", centre_wins: yes" : "");
	put_list(buf, ", ", "values", field->values, field->n_values);
	tb_buf_append_z(buf, field->hidden ? ", hidden: yes" : "");
	/* A field for display is read-only without saying so. */
	if (field->read_only && !field->from.p)
		tb_buf_append_z(buf, ", read_only: yes");
	put_list(buf, ", ", "writable", field->writers, field->n_writers);
	put_given(buf, "references", field->references);
	put_given(buf, "from", field->from);
	put_given(buf, "show", field->show);
	tb_buf_append_z(buf, "}\n");
}

void tb_config_put_collection(struct tb_buf *buf,
			      const struct tb_collection *collection,
			      bool with_docs)
{
	put_pair(buf, "  - ", "name", collection->name);
	tb_buf_append_char(buf, '\n');
	put_text(buf, "path", collection->path);
	if (collection->id_type == TB_ID_INTEGER)
		put_line(buf, "id", "integer");
	put_route(buf, collection);
	if (collection->path.p)
		put_resource(buf, collection, with_docs);
	if (collection->n_fields > 0)
		tb_buf_append_z(buf, KEY_INDENT "fields:\n");
	for (size_t i = 0; i < collection->n_fields; i++)
		put_field(buf, &collection->fields[i]);
}

void tb_config_put_declaration(struct tb_buf *buf,
			       const struct tb_declaration *declaration)
{
	tb_buf_append_z(buf,
			"\n# What records are and where they go; HACKING.md "
			"and docs/api/resources.md\n# describe the form.\n");
	tb_buf_append_z(buf, declaration->n_collections ? "collections:\n"
							: "collections: []\n");
	for (size_t i = 0; i < declaration->n_collections; i++)
		tb_config_put_collection(buf, &declaration->collections[i],
					 true);
}
