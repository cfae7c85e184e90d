#include "app/config_fields.h"

#include "base/assert.h"

#define FIELDS_MAX 1024

const char *const tb_config_field_types[] = {
	[TB_FIELD_STRING] = "string",     [TB_FIELD_INTEGER] = "integer",
	[TB_FIELD_DECIMAL] = "decimal",   [TB_FIELD_BOOLEAN] = "boolean",
	[TB_FIELD_DATETIME] = "datetime", [TB_FIELD_DATE] = "date",
	[TB_FIELD_ENUM] = "enum",         [TB_FIELD_JSON] = "json",
	[TB_FIELD_TEXT] = "text",         NULL,
};

struct field_row {
	const char *name;
	unsigned type; /* enum tb_field_type */
	bool required;
	bool nullable;
	bool centre_wins;
	const char *const *values;
	bool hidden;
	bool read_only;
	const char *const *writable;
	const char *references;
	const char *from;
	const char *show;
};

#define ROW struct field_row
static const struct tb_setting field_rows[] = {
	TB_CONFIG_NAME(ROW, name),
	TB_CONFIG_CHOICE(ROW, type, tb_config_field_types),
	TB_CONFIG_FLAG(ROW, required),
	TB_CONFIG_FLAG(ROW, nullable),
	TB_CONFIG_FLAG(ROW, centre_wins),
	{ .name = "values",
	  .kind = TB_SETTING_LIST,
	  TB_SETTING_AT(ROW, values),
	  .expected = "a text" },
	TB_CONFIG_FLAG(ROW, hidden),
	TB_CONFIG_FLAG(ROW, read_only),
	TB_CONFIG_ROLES(ROW, writable),
	TB_CONFIG_NAME(ROW, references),
	TB_CONFIG_NAME(ROW, from),
	TB_CONFIG_NAME(ROW, show),
};
#undef ROW

static const struct tb_settings field_settings = TB_CONFIG_TABLE(field_rows);

static void check_field(const struct tb_config_item *item,
			const struct field_row *row)
{
	if (!row->name)
		tb_config_fail_key(item, "name", "a name");
	if (row->type == TB_CONFIG_NOT_GIVEN)
		tb_config_fail_key(item, "type", "a type");
	else if ((row->type == TB_FIELD_ENUM) !=
		 (row->values && row->values[0]))
		tb_config_fail_key(item, "values",
				   "values with type enum, and none with "
				   "another");
	if (!row->from != !row->show)
		tb_config_fail_key(item, row->from ? "show" : "from",
				   "from and show together");
}

/* What cannot stand beside each other in one field. */
static void check_roles(const struct tb_config_item *item,
			const struct field_row *row)
{
	bool is_writable = row->writable && row->writable[0];

	if (is_writable && (row->hidden || row->read_only))
		tb_config_fail_key(item, "writable",
				   "none for a field that is hidden or "
				   "read_only");
	if (!row->from)
		return;
	if (is_writable)
		tb_config_fail_key(item, "writable",
				   "none for a field with from");
	if (row->required)
		tb_config_fail_key(item, "required",
				   "no for a field with from");
	if (row->references)
		tb_config_fail_key(item, "references",
				   "none for a field with from");
	if (row->centre_wins)
		tb_config_fail_key(item, "centre_wins",
				   "no for a field with from");
}

static void read_field(const struct tb_config_item *item, struct tb_field *ret)
{
	struct field_row row = { .type = TB_CONFIG_NOT_GIVEN,
				 .nullable = true };

	if (tb_config_read_item(item, &field_settings, &row, NULL, 0)) {
		check_field(item, &row);
		check_roles(item, &row);
	}
	*ret = (struct tb_field) {
		.name = tb_str_z(row.name),
		.type = (enum tb_field_type)row.type,
		.required = row.required,
		.nullable = row.nullable,
		.centre_wins = row.centre_wins,
		.hidden = row.hidden,
		.read_only = row.read_only || row.from,
		.references = tb_str_z(row.references),
		.from = tb_str_z(row.from),
		.show = tb_str_z(row.show),
	};
	ret->values =
		tb_config_slices(item->reader, row.values, &ret->n_values);
	ret->writers =
		tb_config_slices(item->reader, row.writable, &ret->n_writers);
}

void tb_config_read_fields(const struct tb_config_item *parent,
			   const yaml_node_t *list,
			   struct tb_collection *collection)
{
	const char *label = tb_config_key_label(parent, TB_STR("fields"));
	struct tb_field *fields = tb_config_make_list(
		parent, "fields", list, FIELDS_MAX, sizeof(*fields));
	struct tb_config_item item;

	if (!fields)
		return;
	for (size_t i = 0;
	     tb_config_open_item(parent->reader, label, list, i, &item); i++) {
		read_field(&item, &fields[i]);
		for (size_t j = 0; j < i; j++) {
			if (tb_str_eq(fields[j].name, fields[i].name))
				tb_config_fail_key(&item, "name",
						   "a name not given before");
		}
		collection->n_fields = i + 1;
	}
	collection->fields = fields;
}
