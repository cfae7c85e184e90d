#include "app/config_declaration.h"

#include <stdio.h>

#include "app/check.h"
#include "base/assert.h"
#include "codec/json.h"

#define COLLECTIONS_MAX 4096
#define FIELDS_MAX 1024

/* What stands in one item of `collections` besides its lists. Texts are NULL,
 * choices NOT_GIVEN, until they are given. */
struct collection_row {
	const char *name;
	unsigned route; /* index in `routes` */
	const char *field;
	const char *parent;
	unsigned conflict; /* index in `winners` */
};

struct also_row {
	const char *field;
	const char *when_field;
	const char *when_value;
};

struct field_row {
	const char *name;
	unsigned type; /* enum tb_field_type */
	bool required;
	bool nullable;
	bool centre_wins;
	const char *const *values;
};

#define NOT_GIVEN UINT32_MAX

static const char *const routes[] = { "central", "store", "parent", NULL };
static const char *const winners[] = { "site", "centre", NULL };
static const char *const types[] = {
	[TB_FIELD_STRING] = "string",
	[TB_FIELD_INTEGER] = "integer",
	[TB_FIELD_DECIMAL] = "decimal",
	[TB_FIELD_BOOLEAN] = "boolean",
	[TB_FIELD_DATETIME] = "datetime",
	[TB_FIELD_DATE] = "date",
	[TB_FIELD_ENUM] = "enum",
	[TB_FIELD_JSON] = "json",
	NULL,
};

#define NAME(type, member)                                                     \
	{                                                                      \
		.name = #member, .kind = TB_SETTING_TEXT,                      \
		TB_SETTING_AT(type, member), .is_valid = tb_check_not_empty,   \
		.expected = "a name"                                           \
	}
#define CHOICE(type, member, names)                                            \
	{                                                                      \
		.name = #member, .kind = TB_SETTING_CHOICE,                    \
		TB_SETTING_AT(type, member), .choices = (names)                \
	}
#define FLAG(type, member)                                                     \
	{                                                                      \
		.name = #member, .kind = TB_SETTING_FLAG,                      \
		TB_SETTING_AT(type, member)                                    \
	}

static const struct tb_setting collection_rows[] = {
	NAME(struct collection_row, name),
	CHOICE(struct collection_row, route, routes),
	NAME(struct collection_row, field),
	NAME(struct collection_row, parent),
	CHOICE(struct collection_row, conflict, winners),
};

static const struct tb_setting also_rows[] = {
	NAME(struct also_row, field),
	NAME(struct also_row, when_field),
	{ .name = "when_value",
	  .kind = TB_SETTING_TEXT,
	  TB_SETTING_AT(struct also_row, when_value),
	  .expected = "a text" },
};

static const struct tb_setting field_rows[] = {
	NAME(struct field_row, name),
	CHOICE(struct field_row, type, types),
	FLAG(struct field_row, required),
	FLAG(struct field_row, nullable),
	FLAG(struct field_row, centre_wins),
	{ .name = "values",
	  .kind = TB_SETTING_LIST,
	  TB_SETTING_AT(struct field_row, values),
	  .expected = "a text" },
};

#define TABLE(array)                                                           \
	{                                                                      \
		.section = "", .rows = (array), .n_rows = TB_ARRAY_LEN(array)  \
	}

static const struct tb_settings collection_settings = TABLE(collection_rows);
static const struct tb_settings also_settings = TABLE(also_rows);
static const struct tb_settings field_settings = TABLE(field_rows);

/* One mapping in a list, while it is read. */
struct item {
	struct tb_config_reader *reader;
	const yaml_node_t *node;
	const char *label; /* "collections[2].also[0]" */
};

/* A key whose value is a list of further mappings. */
struct sublist {
	const char *key;
	const yaml_node_t *node; /* NULL: not given */
};

/* The node of a list's n-th item, and how mistakes in it are labelled. False
 * behind the last. */
static bool open_item(struct tb_config_reader *reader, const char *label,
		      const yaml_node_t *list, size_t n, struct item *ret)
{
	ret->reader = reader;
	ret->node = tb_config_item(reader, list, n);
	if (!ret->node)
		return false;
	ret->label = tb_config_label(reader, "%s[%zu]", label, n);
	return true;
}

/* The place of a key of a mapping. */
static const char *label_key(const struct item *item, struct tb_str key)
{
	return tb_config_label(item->reader, "%s.%.*s", item->label,
			       TB_STR_ARG(key));
}

static void fail_key(const struct item *item, const char *key,
		     const char *expected)
{
	tb_config_fail(item->reader, item->node, "%s.%s: expected %s",
		       item->label, key, expected);
}

static bool take_sublist(const struct item *item,
			 const struct tb_config_pair *pair,
			 struct sublist *lists, size_t n_lists)
{
	for (size_t i = 0; i < n_lists; i++) {
		if (!tb_str_eq(pair->key, tb_str_z(lists[i].key)))
			continue;
		if (pair->value->type == YAML_SEQUENCE_NODE)
			lists[i].node = pair->value;
		else
			tb_config_fail(item->reader, pair->value,
				       "%s.%s: expected a list", item->label,
				       lists[i].key);
		return true;
	}
	return false;
}

/* Reads a mapping: keys that have a row go to `row`, lists to `lists`; any
 * other is a mistake. True if there was none. */
static bool read_item(const struct item *item,
		      const struct tb_settings *settings, void *row,
		      struct sublist *lists, size_t n_lists)
{
	size_t n_failed = item->reader->n_failed;
	const struct tb_setting *setting;
	struct tb_config_pair pair;
	const char *label;
	size_t i = 0;

	if (item->node->type != YAML_MAPPING_NODE) {
		tb_config_fail(item->reader, item->node,
			       "%s: expected names and values", item->label);
		return false;
	}
	while (tb_config_next_pair(item->reader, item->node, &i, &pair)) {
		if (take_sublist(item, &pair, lists, n_lists))
			continue;
		label = label_key(item, pair.key);
		setting = tb_settings_find(settings, pair.key);
		if (setting)
			tb_config_read_value(item->reader, label, setting, row,
					     pair.value);
		else
			tb_config_fail(item->reader, pair.key_node,
				       "%s: expected a known key", label);
	}
	return item->reader->n_failed == n_failed;
}

static size_t list_len(const yaml_node_t *list)
{
	return (size_t)(list->data.sequence.items.top -
			list->data.sequence.items.start);
}

static void check_also(const struct item *item, const struct also_row *row)
{
	if (!row->field)
		fail_key(item, "field", "a name");
	if (!row->when_field != !row->when_value)
		fail_key(item, "when_field",
			 "when_field and when_value together");
}

static void read_also(const struct item *parent, const yaml_node_t *list,
		      struct tb_collection *collection)
{
	const char *label = label_key(parent, TB_STR("also"));
	struct also_row row;
	struct item item;

	if (list_len(list) > TB_ALSO_MAX) {
		tb_config_fail(parent->reader, list, "%s: expected at most %d",
			       label, TB_ALSO_MAX);
		return;
	}
	for (size_t i = 0; open_item(parent->reader, label, list, i, &item);
	     i++) {
		row = (struct also_row) { NULL, NULL, NULL };
		if (read_item(&item, &also_settings, &row, NULL, 0))
			check_also(&item, &row);
		collection->also[i] = (struct tb_also) {
			.field = tb_str_z(row.field),
			.when_field = tb_str_z(row.when_field),
			.when_value = tb_str_z(row.when_value),
		};
		collection->n_also = i + 1;
	}
}

/* The texts of a NULL-ended list as slices in the arena. */
static const struct tb_str *to_slices(struct tb_config_reader *reader,
				      const char *const *list, size_t *ret_n)
{
	struct tb_str *slices;
	size_t n = 0;

	while (list && list[n])
		n++;
	*ret_n = n;
	slices = tb_arena_calloc(reader->arena, n, sizeof(*slices));
	if (!slices) {
		reader->nomem = true;
		*ret_n = 0;
	}
	for (size_t i = 0; i < *ret_n; i++)
		slices[i] = tb_str_z(list[i]);
	return slices;
}

static void check_field(const struct item *item, const struct field_row *row)
{
	if (!row->name)
		fail_key(item, "name", "a name");
	if (row->type == NOT_GIVEN)
		fail_key(item, "type", "a type");
	else if ((row->type == TB_FIELD_ENUM) !=
		 (row->values && row->values[0]))
		fail_key(item, "values",
			 "values with type enum, and none with another");
}

static void read_field(const struct item *item, struct tb_field *ret)
{
	struct field_row row = { .type = NOT_GIVEN, .nullable = true };

	if (read_item(item, &field_settings, &row, NULL, 0))
		check_field(item, &row);
	*ret = (struct tb_field) {
		.name = tb_str_z(row.name),
		.type = (enum tb_field_type)row.type,
		.required = row.required,
		.nullable = row.nullable,
		.centre_wins = row.centre_wins,
	};
	ret->values = to_slices(item->reader, row.values, &ret->n_values);
}

static void read_fields(const struct item *parent, const yaml_node_t *list,
			struct tb_collection *collection)
{
	struct tb_config_reader *reader = parent->reader;
	const char *label = label_key(parent, TB_STR("fields"));
	struct tb_field *fields;
	struct item item;

	if (list_len(list) > FIELDS_MAX) {
		tb_config_fail(reader, list, "%s: expected at most %d", label,
			       FIELDS_MAX);
		return;
	}
	fields =
		tb_arena_calloc(reader->arena, list_len(list), sizeof(*fields));
	if (!fields) {
		reader->nomem = true;
		return;
	}
	for (size_t i = 0; open_item(reader, label, list, i, &item); i++) {
		read_field(&item, &fields[i]);
		for (size_t j = 0; j < i; j++) {
			if (tb_str_eq(fields[j].name, fields[i].name))
				fail_key(&item, "name",
					 "a name not given before");
		}
		collection->n_fields = i + 1;
	}
	collection->fields = fields;
}

static void check_route(const struct item *item,
			const struct collection_row *row,
			const struct tb_collection *collection)
{
	if (!row->name)
		fail_key(item, "name", "a name");
	if (row->route == NOT_GIVEN)
		fail_key(item, "route", "central, store or parent");
	if (collection->routing == TB_ROUTING_CENTRAL &&
	    (row->field || collection->n_also > 0))
		fail_key(item, row->field ? "field" : "also",
			 "none with route central");
	if ((collection->routing == TB_ROUTING_STORE ||
	     collection->routing == TB_ROUTING_PARENT) &&
	    !row->field)
		fail_key(item, "field", "the field that names it");
	if ((collection->routing == TB_ROUTING_PARENT) != !!row->parent)
		fail_key(item, "parent",
			 "a collection with route parent, and none with "
			 "another");
}

static void read_collection(const struct item *item, struct tb_collection *ret)
{
	static const enum tb_routing_kind kinds[] = {
		TB_ROUTING_CENTRAL,
		TB_ROUTING_STORE,
		TB_ROUTING_PARENT,
	};
	struct collection_row row = { .route = NOT_GIVEN };
	bool is_read;
	struct sublist lists[] = { { "also", NULL }, { "fields", NULL } };
	is_read = read_item(item, &collection_settings, &row, lists,
			    TB_ARRAY_LEN(lists));
	*ret = (struct tb_collection) {
		.name = tb_str_z(row.name),
		.routing = row.route == NOT_GIVEN ? TB_ROUTING_SITE
						  : kinds[row.route],
		.field = tb_str_z(row.field),
		.parent = tb_str_z(row.parent),
		.centre_wins = row.conflict == 1,
	};
	if (lists[0].node)
		read_also(item, lists[0].node, ret);
	if (lists[1].node)
		read_fields(item, lists[1].node, ret);
	if (is_read)
		check_route(item, &row, ret);
}

static struct tb_collection *find(struct tb_collection *collections, size_t n,
				  struct tb_str name)
{
	for (size_t i = 0; i < n; i++) {
		if (name.n > 0 && tb_str_eq(collections[i].name, name))
			return &collections[i];
	}
	return NULL;
}

/* True if the parents of a collection end at one that has none. */
static bool ends(struct tb_collection *collections, size_t n,
		 const struct tb_collection *collection)
{
	size_t steps = 0;

	while (collection && collection->routing == TB_ROUTING_PARENT) {
		if (++steps > n)
			return false;
		collection = find(collections, n, collection->parent);
	}
	return true;
}

/* Names are unique, parents exist, and nothing is its own ancestor. */
static void check_names(struct tb_config_reader *reader,
			const yaml_node_t *list,
			struct tb_collection *collections, size_t n)
{
	struct tb_collection *parent;
	struct item item;

	for (size_t i = 0; open_item(reader, "collections", list, i, &item);
	     i++) {
		if (find(collections, i, collections[i].name))
			fail_key(&item, "name", "a name not given before");
		if (collections[i].parent.n == 0)
			continue;
		parent = find(collections, n, collections[i].parent);
		if (!parent)
			fail_key(&item, "parent",
				 "a collection that is declared");
		else if (!ends(collections, n, &collections[i]))
			fail_key(&item, "parent",
				 "one that does not lead back here");
		else
			parent->is_parent = true;
	}
}

enum tb_err tb_config_read_declaration(struct tb_config_reader *reader,
				       const yaml_node_t *node,
				       struct tb_declaration *ret)
{
	struct tb_collection *collections;
	struct item item;
	size_t n;

	if (node->type != YAML_SEQUENCE_NODE ||
	    list_len(node) > COLLECTIONS_MAX) {
		tb_config_fail(reader, node,
			       "collections: expected a list of at most %d",
			       COLLECTIONS_MAX);
		return TB_OK;
	}
	n = list_len(node);
	collections = tb_arena_calloc(reader->arena, n, sizeof(*collections));
	if (!collections)
		return TB_ERR_NOMEM;
	for (size_t i = 0; open_item(reader, "collections", node, i, &item);
	     i++)
		read_collection(&item, &collections[i]);
	check_names(reader, node, collections, n);
	ret->collections = collections;
	ret->n_collections = n;
	return TB_OK;
}

static void put_pair(struct tb_buf *buf, const char *before, const char *key,
		     struct tb_str value)
{
	tb_buf_append_z(buf, before);
	tb_buf_append_z(buf, key);
	tb_buf_append_z(buf, ": ");
	tb_json_put_string(buf, value);
}

static void put_also(struct tb_buf *buf, const struct tb_also *also)
{
	put_pair(buf, "      - {", "field", also->field);
	if (also->when_value.p) {
		put_pair(buf, ", ", "when_field", also->when_field);
		put_pair(buf, ", ", "when_value", also->when_value);
	}
	tb_buf_append_z(buf, "}\n");
}

static void put_field(struct tb_buf *buf, const struct tb_field *field)
{
	put_pair(buf, "      - {", "name", field->name);
	tb_buf_append_z(buf, ", type: ");
	tb_buf_append_z(buf, types[field->type]);
	tb_buf_append_z(buf, field->required ? ", required: yes" : "");
	tb_buf_append_z(buf, field->nullable ? "" : ", nullable: no");
	tb_buf_append_z(buf, field->centre_wins ? ", centre_wins: yes" : "");
	for (size_t i = 0; i < field->n_values; i++) {
		tb_buf_append_z(buf, i == 0 ? ", values: [" : ", ");
		tb_json_put_string(buf, field->values[i]);
	}
	tb_buf_append_z(buf, field->n_values ? "]}\n" : "}\n");
}

static void put_collection(struct tb_buf *buf,
			   const struct tb_collection *collection)
{
	static const char *const names[] = {
		[TB_ROUTING_CENTRAL] = "central",
		[TB_ROUTING_STORE] = "store",
		[TB_ROUTING_PARENT] = "parent",
	};

	put_pair(buf, "  - ", "name", collection->name);
	tb_buf_append_z(buf, "\n    route: ");
	tb_buf_append_z(buf, names[collection->routing]);
	if (collection->field.n > 0)
		put_pair(buf, "\n    ", "field", collection->field);
	if (collection->parent.n > 0)
		put_pair(buf, "\n    ", "parent", collection->parent);
	if (collection->centre_wins)
		tb_buf_append_z(buf, "\n    conflict: centre");
	tb_buf_append_z(buf, collection->n_also ? "\n    also:\n" : "\n");
	for (size_t i = 0; i < collection->n_also; i++)
		put_also(buf, &collection->also[i]);
	if (collection->n_fields > 0)
		tb_buf_append_z(buf, "    fields:\n");
	for (size_t i = 0; i < collection->n_fields; i++)
		put_field(buf, &collection->fields[i]);
}

void tb_config_put_declaration(struct tb_buf *buf,
			       const struct tb_declaration *declaration)
{
	tb_buf_append_z(buf, "\n# Where the records of each collection go: "
			     "HACKING.md describes the form.\n");
	tb_buf_append_z(buf, declaration->n_collections ? "collections:\n"
							: "collections: []\n");
	for (size_t i = 0; i < declaration->n_collections; i++)
		put_collection(buf, &declaration->collections[i]);
}
