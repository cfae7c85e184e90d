#include "app/config_entities.h"

#include "app/config_sources.h"
#include "base/assert.h"
#include "kernel/job.h"

#define RENAMES_MAX 64

const char *const tb_config_file_formats[] = { "ndjson", "csv", NULL };
const char *const tb_config_on_deletes[] = {
	[TB_ON_DELETE_DELETE] = "delete",
	[TB_ON_DELETE_IGNORE] = "ignore",
	NULL,
};

struct entity_row {
	const char *name;
	const char *collection;
	const char *key;
	const char *path;
	const char *items;
	const char *total;
	unsigned format; /* in tb_config_file_formats */
	const char *deleted_field;
	const char *deleted_value;
	unsigned on_delete; /* enum tb_on_delete */
};

struct rename_row {
	const char *from;
	const char *to;
};

#define ROW struct entity_row
static const struct tb_setting entity_rows[] = {
	{ .name = "name",
	  .kind = TB_SETTING_TEXT,
	  TB_SETTING_AT(ROW, name),
	  .is_valid = tb_check_word,
	  .expected = TB_CHECK_WORD },
	TB_CONFIG_NAME(ROW, collection),
	TB_CONFIG_NAME(ROW, key),
	TB_CONFIG_NAME(ROW, path),
	TB_CONFIG_NAME(ROW, items),
	TB_CONFIG_NAME(ROW, total),
	TB_CONFIG_CHOICE(ROW, format, tb_config_file_formats),
	TB_CONFIG_NAME(ROW, deleted_field),
	{ .name = "deleted_value",
	  .kind = TB_SETTING_TEXT,
	  TB_SETTING_AT(ROW, deleted_value),
	  .expected = "a text" },
	TB_CONFIG_CHOICE(ROW, on_delete, tb_config_on_deletes),
};
#undef ROW

static const struct tb_setting rename_rows[] = {
	TB_CONFIG_NAME(struct rename_row, from),
	TB_CONFIG_NAME(struct rename_row, to),
};

static const struct tb_settings entity_settings = TB_CONFIG_TABLE(entity_rows);
static const struct tb_settings rename_settings = TB_CONFIG_TABLE(rename_rows);

static const struct entity_row defaults = {
	.key = "id",
	.format = TB_CONFIG_NOT_GIVEN,
	.on_delete = TB_ON_DELETE_DELETE,
};

/* ---- renames ---- */

/* Two members would become one. */
static void check_rename(const struct tb_config_item *item,
			 const struct tb_rename *renames, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (tb_str_eq(renames[i].from, renames[at].from))
			tb_config_fail_key(item, "from",
					   "a member not given before");
		if (tb_str_eq(renames[i].to, renames[at].to))
			tb_config_fail_key(item, "to",
					   "a name not given before");
	}
}

static void read_renames(const struct tb_config_item *parent,
			 const yaml_node_t *list,
			 struct tb_source_entity *entity)
{
	const char *label = tb_config_key_label(parent, TB_STR("renames"));
	struct tb_rename *renames = tb_config_make_list(
		parent, "renames", list, RENAMES_MAX, sizeof(*renames));
	struct rename_row row;
	struct tb_config_item item;

	if (!renames)
		return;
	for (size_t i = 0;
	     tb_config_open_item(parent->reader, label, list, i, &item); i++) {
		row = (struct rename_row) { NULL, NULL };
		if (!tb_config_read_item(&item, &rename_settings, &row, NULL,
					 0))
			continue;
		renames[i].from = tb_str_z(row.from);
		renames[i].to = tb_str_z(row.to);
		if (!row.from || !row.to)
			tb_config_fail_key(&item, row.from ? "to" : "from",
					   "from and to together");
		else
			check_rename(&item, renames, i);
		entity->n_renames = i + 1;
	}
	entity->renames = renames;
}

/* ---- one entity ---- */

/* What an entity may say, by its source's type. */
struct type_rule {
	const char *type;
	bool has_items;  /* items and total */
	bool has_format; /* and a file's name */
	bool (*is_path)(struct tb_str path);
	const char *path; /* what that is */
};

static const struct type_rule type_rules[] = {
	{ "shopify", false, false, tb_check_url_below,
	  "a path below /admin/api/VERSION/, as products" },
	{ "http", true, false, tb_check_url_below,
	  "a path below url, without a slash at its beginning and `..`" },
	{ "site", false, false, tb_check_not_empty, "the name of a table" },
	{ "file", false, true, tb_check_file_below,
	  "a file below the source's path, without `..` in it" },
};

static const struct type_rule *rule_of(const char *type)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(type_rules); i++)
		if (tb_str_eq(tb_str_z(type_rules[i].type), tb_str_z(type)))
			return &type_rules[i];
	return NULL;
}

static void check_none(const struct tb_config_item *item, const char *key,
		       const char *type)
{
	if (tb_config_has_key(item, key))
		tb_config_fail_key(item, key,
				   tb_config_label(item->reader,
						   "none with type %s", type));
}

static bool ends_so(struct tb_str path, struct tb_str end)
{
	return path.n > end.n &&
	       tb_str_eq_nocase(tb_str(path.p + path.n - end.n, end.n), end);
}

static bool has_format(const struct tb_source_entity *entity)
{
	return entity->format != TB_FILE_BY_NAME ||
	       ends_so(entity->path, TB_STR(".ndjson")) ||
	       ends_so(entity->path, TB_STR(".csv"));
}

static void check_type(const struct tb_config_item *item,
		       const struct tb_source_entity *entity, const char *type)
{
	const struct type_rule *rule = rule_of(type);

	if (!rule)
		return;
	if (!rule->has_items) {
		check_none(item, "items", type);
		check_none(item, "total", type);
	}
	if (!rule->has_format)
		check_none(item, "format", type);
	if (!rule->is_path(entity->path))
		tb_config_fail_key(item, "path", rule->path);
	else if (rule->has_format && !has_format(entity))
		tb_config_fail_key(item, "format",
				   "ndjson or csv, where the file's name does "
				   "not end so");
}

static void check_entity(const struct tb_config_item *item,
			 const struct entity_row *row,
			 const struct tb_declaration *declaration)
{
	if (!row->name)
		tb_config_fail_key(item, "name", TB_CHECK_WORD);
	if (!row->collection ||
	    (declaration &&
	     !tb_declaration_find(declaration, tb_str_z(row->collection))))
		tb_config_fail_key(item, "collection",
				   "a collection that is declared");
	if (row->deleted_value && !row->deleted_field)
		tb_config_fail_key(item, "deleted_field",
				   "a member, beside deleted_value");
}

/* What it is called where nothing says otherwise. */
static struct tb_str make_path(struct tb_config_reader *reader,
			       const struct entity_row *row,
			       enum tb_file_format format, const char *type)
{
	const struct type_rule *rule = rule_of(type);
	struct tb_str path;

	if (row->path || !row->name || !rule || !rule->has_format)
		return tb_str_z(row->path ? row->path : row->name);
	if (!tb_arena_printf(reader->arena, &path, "%s.%s", row->name,
			     format == TB_FILE_CSV ? "csv" : "ndjson"))
		return path;
	reader->nomem = true;
	return TB_STR_NONE;
}

static void take_row(struct tb_config_reader *reader,
		     const struct entity_row *row, const char *type,
		     struct tb_source_entity *ret)
{
	enum tb_file_format format =
		row->format == TB_CONFIG_NOT_GIVEN
			? TB_FILE_BY_NAME
			: (enum tb_file_format)(row->format + TB_FILE_NDJSON);

	*ret = (struct tb_source_entity) {
		.name = tb_str_z(row->name),
		.collection = tb_str_z(row->collection),
		.key = tb_str_z(row->key),
		.path = make_path(reader, row, format, type),
		.items = tb_str_z(row->items),
		.total = tb_str_z(row->total),
		.format = format,
		.deleted_field = tb_str_z(row->deleted_field),
		.deleted_value = tb_str_z(row->deleted_value),
		.on_delete = (enum tb_on_delete)row->on_delete,
	};
}

static void read_entity(const struct tb_config_item *item,
			const struct tb_declaration *declaration,
			const char *type, struct tb_source_entity *ret)
{
	struct entity_row row = defaults;
	struct tb_config_part renames = { "renames", YAML_SEQUENCE_NODE, NULL };
	bool is_read =
		tb_config_read_item(item, &entity_settings, &row, &renames, 1);

	take_row(item->reader, &row, type, ret);
	if (renames.node)
		read_renames(item, renames.node, ret);
	if (!is_read)
		return;
	check_entity(item, &row, declaration);
	if (row.name)
		check_type(item, ret, type);
}

void tb_config_read_entities(const struct tb_config_item *parent,
			     const yaml_node_t *list,
			     const struct tb_declaration *declaration,
			     struct tb_source *source)
{
	const char *label = tb_config_key_label(parent, TB_STR("entities"));
	struct tb_source_entity *entities =
		tb_config_make_list(parent, "entities", list,
				    TB_JOB_STREAMS_MAX, sizeof(*entities));
	struct tb_config_item item;

	if (!entities)
		return;
	for (size_t i = 0;
	     tb_config_open_item(parent->reader, label, list, i, &item); i++) {
		read_entity(&item, declaration, source->type, &entities[i]);
		for (size_t j = 0; j < i; j++)
			if (entities[i].name.n > 0 &&
			    tb_str_eq(entities[j].name, entities[i].name))
				tb_config_fail_key(&item, "name",
						   "a name not given before");
		source->n_entities = i + 1;
	}
	source->entities = entities;
	if (source->n_entities == 0)
		tb_config_fail_key(parent, "entities", "at least one entity");
}
