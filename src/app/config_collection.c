#include "app/config_collection.h"

#include "app/config_fields.h"
#include "base/assert.h"
#include "kernel/history.h"

#define TOKEN_AGE_MAX_S 31536000

/* What stands in one item of `collections` besides its parts. */
struct collection_row {
	const char *name;
	unsigned route; /* index in `routes` */
	const char *field;
	const char *parent;
	unsigned conflict; /* index in `winners` */
	const char *path;
	unsigned id;    /* index in `id_types` */
	unsigned order; /* index in `orders` */
	const char *const *writers;
	unsigned base; /* index in `bases` */
	uint32_t history;
	uint32_t max_token_age;
};

struct also_row {
	const char *field;
	const char *when_field;
	const char *when_value;
};

struct times_row {
	const char *created;
	const char *updated;
	const char *synced;
};

struct rule_row {
	const char *role;
	const char *field;
	const char *through;
	const char *reference;
};

struct filter_row {
	const char *field;
	const char *doc;
};

static const char *const routes[] = { "central", "store", "parent", NULL };
static const char *const winners[] = { "site", "centre", NULL };
static const char *const id_types[] = { "string", "integer", NULL };
static const char *const orders[] = { "id", "commit", NULL };
static const char *const bases[] = { "required", "optional", NULL };

#define ROW struct collection_row
static const struct tb_setting collection_rows[] = {
	TB_CONFIG_NAME(ROW, name),
	TB_CONFIG_CHOICE(ROW, route, routes),
	TB_CONFIG_NAME(ROW, field),
	TB_CONFIG_NAME(ROW, parent),
	TB_CONFIG_CHOICE(ROW, conflict, winners),
	{ .name = "path",
	  .kind = TB_SETTING_TEXT,
	  TB_SETTING_AT(ROW, path),
	  .is_valid = tb_check_resource_path,
	  .expected = "letters, digits and -, and none of sync, auth, v1, "
		      "login and ping" },
	TB_CONFIG_CHOICE(ROW, id, id_types),
	TB_CONFIG_CHOICE(ROW, order, orders),
	TB_CONFIG_ROLES(ROW, writers),
	TB_CONFIG_CHOICE(ROW, base, bases),
	TB_CONFIG_NUMBER(ROW, history, 0, TB_HISTORY_MAX),
	TB_CONFIG_NUMBER(ROW, max_token_age, 1, TOKEN_AGE_MAX_S),
};
#undef ROW

static const struct tb_setting also_rows[] = {
	TB_CONFIG_NAME(struct also_row, field),
	TB_CONFIG_NAME(struct also_row, when_field),
	{ .name = "when_value",
	  .kind = TB_SETTING_TEXT,
	  TB_SETTING_AT(struct also_row, when_value),
	  .expected = "a text" },
};

static const struct tb_setting times_rows[] = {
	TB_CONFIG_NAME(struct times_row, created),
	TB_CONFIG_NAME(struct times_row, updated),
	TB_CONFIG_NAME(struct times_row, synced),
};

static const struct tb_setting rule_rows[] = {
	TB_CONFIG_NAME(struct rule_row, role),
	TB_CONFIG_NAME(struct rule_row, field),
	TB_CONFIG_NAME(struct rule_row, through),
	TB_CONFIG_NAME(struct rule_row, reference),
};

static const struct tb_setting filter_rows[] = {
	TB_CONFIG_NAME(struct filter_row, field),
	{ .name = "doc",
	  .kind = TB_SETTING_TEXT,
	  TB_SETTING_AT(struct filter_row, doc),
	  .expected = "a text" },
};

static const struct tb_settings collection_settings =
	TB_CONFIG_TABLE(collection_rows);
static const struct tb_settings also_settings = TB_CONFIG_TABLE(also_rows);
static const struct tb_settings times_settings = TB_CONFIG_TABLE(times_rows);
static const struct tb_settings rule_settings = TB_CONFIG_TABLE(rule_rows);
static const struct tb_settings filter_settings = TB_CONFIG_TABLE(filter_rows);

/* ---- where records go ---- */

static void check_also(const struct tb_config_item *item,
		       const struct also_row *row)
{
	if (!row->field)
		tb_config_fail_key(item, "field", "a name");
	if (!row->when_field != !row->when_value)
		tb_config_fail_key(item, "when_field",
				   "when_field and when_value together");
}

static void read_also(const struct tb_config_item *parent,
		      const yaml_node_t *list, struct tb_collection *collection)
{
	const char *label = tb_config_key_label(parent, TB_STR("also"));
	struct also_row row;
	struct tb_config_item item;

	if (tb_config_list_len(list) > TB_ALSO_MAX) {
		tb_config_fail(parent->reader, list, "%s: expected at most %d",
			       label, TB_ALSO_MAX);
		return;
	}
	for (size_t i = 0;
	     tb_config_open_item(parent->reader, label, list, i, &item); i++) {
		row = (struct also_row) { NULL, NULL, NULL };
		if (tb_config_read_item(&item, &also_settings, &row, NULL, 0))
			check_also(&item, &row);
		collection->also[i] = (struct tb_also) {
			.field = tb_str_z(row.field),
			.when_field = tb_str_z(row.when_field),
			.when_value = tb_str_z(row.when_value),
		};
		collection->n_also = i + 1;
	}
}

static void check_route(const struct tb_config_item *item,
			const struct collection_row *row,
			const struct tb_collection *collection)
{
	if (!row->name)
		tb_config_fail_key(item, "name", "a name");
	if (row->route == TB_CONFIG_NOT_GIVEN)
		tb_config_fail_key(item, "route", "central, store or parent");
	if (collection->routing == TB_ROUTING_CENTRAL &&
	    (row->field || collection->n_also > 0))
		tb_config_fail_key(item, row->field ? "field" : "also",
				   "none with route central");
	if ((collection->routing == TB_ROUTING_STORE ||
	     collection->routing == TB_ROUTING_PARENT) &&
	    !row->field)
		tb_config_fail_key(item, "field", "the field that names it");
	if ((collection->routing == TB_ROUTING_PARENT) != !!row->parent)
		tb_config_fail_key(item, "parent",
				   "a collection with route parent, and none "
				   "with another");
}

/* ---- how they are shown ---- */

static void read_times(const struct tb_config_item *parent,
		       const yaml_node_t *mapping,
		       struct tb_collection *collection)
{
	struct times_row row = { NULL, NULL, NULL };
	struct tb_config_item item = {
		.reader = parent->reader,
		.node = mapping,
		.label = tb_config_key_label(parent, TB_STR("times")),
	};

	if (tb_config_read_item(&item, &times_settings, &row, NULL, 0) &&
	    !row.updated)
		tb_config_fail_key(&item, "updated", "a name");
	collection->created_name = tb_str_z(row.created);
	collection->updated_name = tb_str_z(row.updated);
	collection->synced_name = tb_str_z(row.synced);
}

static void name_times(struct tb_collection *collection)
{
	collection->created_name = TB_STR("created_at");
	collection->updated_name = TB_STR("updated_at");
	collection->synced_name = TB_STR("last_synced_at");
}

static void check_rule(const struct tb_config_item *item,
		       const struct rule_row *row)
{
	if (!row->role)
		tb_config_fail_key(item, "role", "a role");
	if (!row->through != !row->reference)
		tb_config_fail_key(item, row->through ? "reference" : "through",
				   "through and reference together");
	else if (row->through && !row->field)
		tb_config_fail_key(item, "field", "a field with through");
}

static void read_rules(const struct tb_config_item *parent,
		       const yaml_node_t *list,
		       struct tb_collection *collection)
{
	const char *label = tb_config_key_label(parent, TB_STR("visible"));
	struct tb_sight_rule *rules = tb_config_make_list(
		parent, "visible", list, TB_RULES_MAX, sizeof(*rules));
	struct rule_row row;
	struct tb_config_item item;

	if (!rules)
		return;
	for (size_t i = 0;
	     tb_config_open_item(parent->reader, label, list, i, &item); i++) {
		row = (struct rule_row) { NULL, NULL, NULL, NULL };
		if (tb_config_read_item(&item, &rule_settings, &row, NULL, 0))
			check_rule(&item, &row);
		rules[i] = (struct tb_sight_rule) {
			.role = tb_str_z(row.role),
			.field = tb_str_z(row.field),
			.through = tb_str_z(row.through),
			.reference = tb_str_z(row.reference),
		};
		collection->n_rules = i + 1;
	}
	collection->rules = rules;
}

static void read_filters(const struct tb_config_item *parent,
			 const yaml_node_t *list,
			 struct tb_collection *collection)
{
	const char *label = tb_config_key_label(parent, TB_STR("filters"));
	struct tb_filter *filters = tb_config_make_list(
		parent, "filters", list, TB_FILTERS_MAX, sizeof(*filters));
	struct filter_row row;
	struct tb_config_item item;

	if (!filters)
		return;
	for (size_t i = 0;
	     tb_config_open_item(parent->reader, label, list, i, &item); i++) {
		row = (struct filter_row) { NULL, NULL };
		if (tb_config_read_item(&item, &filter_settings, &row, NULL,
					0) &&
		    !row.field)
			tb_config_fail_key(&item, "field", "a name");
		filters[i].field = tb_str_z(row.field);
		filters[i].doc = tb_str_z(row.doc);
		collection->n_filters = i + 1;
	}
	collection->filters = filters;
}

/* What says how a collection is shown says nothing of one that is not. */
static void check_shown(const struct tb_config_item *item)
{
	static const char *const keys[] = { "order",   "times",
					    "visible", "writers",
					    "filters", "base",
					    "history", "max_token_age" };

	for (size_t i = 0; i < TB_ARRAY_LEN(keys); i++)
		if (tb_config_has_key(item, keys[i]))
			tb_config_fail_key(item, keys[i],
					   "a path beside it, which makes the "
					   "collection a resource");
}

/* ---- all of it ---- */

enum {
	ALSO,
	FIELDS,
	TIMES,
	VISIBLE,
	FILTERS,
	PARTS
};

static void read_parts(const struct tb_config_item *item,
		       const struct tb_config_part *parts,
		       struct tb_collection *ret)
{
	if (parts[ALSO].node)
		read_also(item, parts[ALSO].node, ret);
	if (parts[FIELDS].node)
		tb_config_read_fields(item, parts[FIELDS].node, ret);
	if (parts[TIMES].node)
		read_times(item, parts[TIMES].node, ret);
	else if (ret->path.p)
		name_times(ret);
	if (parts[VISIBLE].node)
		read_rules(item, parts[VISIBLE].node, ret);
	if (parts[FILTERS].node)
		read_filters(item, parts[FILTERS].node, ret);
}

static void take_row(struct tb_config_reader *reader,
		     const struct collection_row *row,
		     struct tb_collection *ret)
{
	static const enum tb_routing_kind kinds[] = {
		TB_ROUTING_CENTRAL,
		TB_ROUTING_STORE,
		TB_ROUTING_PARENT,
	};

	*ret = (struct tb_collection) {
		.name = tb_str_z(row->name),
		.routing = row->route == TB_CONFIG_NOT_GIVEN
				   ? TB_ROUTING_SITE
				   : kinds[row->route],
		.field = tb_str_z(row->field),
		.parent = tb_str_z(row->parent),
		.centre_wins = row->conflict == 1,
		.path = tb_str_z(row->path),
		.id_type = row->id == 1 ? TB_ID_INTEGER : TB_ID_STRING,
		.order = row->order == 1 ? TB_ORDER_COMMIT : TB_ORDER_ID,
		.base_optional = row->base == 1,
		.history = row->history,
		.max_token_age_s = row->max_token_age,
	};
	ret->writers = tb_config_slices(reader, row->writers, &ret->n_writers);
}

void tb_config_read_collection(const struct tb_config_item *item,
			       struct tb_collection *ret)
{
	struct collection_row row = { .route = TB_CONFIG_NOT_GIVEN };
	struct tb_config_part parts[PARTS] = {
		[ALSO] = { "also", YAML_SEQUENCE_NODE, NULL },
		[FIELDS] = { "fields", YAML_SEQUENCE_NODE, NULL },
		[TIMES] = { "times", YAML_MAPPING_NODE, NULL },
		[VISIBLE] = { "visible", YAML_SEQUENCE_NODE, NULL },
		[FILTERS] = { "filters", YAML_SEQUENCE_NODE, NULL },
	};
	bool is_read = tb_config_read_item(item, &collection_settings, &row,
					   parts, PARTS);

	take_row(item->reader, &row, ret);
	read_parts(item, parts, ret);
	if (!is_read)
		return;
	check_route(item, &row, ret);
	if (!row.path)
		check_shown(item);
}
