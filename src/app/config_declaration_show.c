#include "app/config_declaration.h"
#include "app/config_fields.h"
#include "app/config_yaml.h"

/* ---- where records go ---- */

static void put_also(struct tb_buf *buf, const struct tb_also *also)
{
	tb_config_put_pair(buf, TB_CONFIG_ITEM, "field", also->field);
	tb_config_put_given(buf, "when_field", also->when_field);
	tb_config_put_given(buf, "when_value", also->when_value);
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

	tb_config_put_line(buf, "route", names[collection->routing]);
	tb_config_put_text(buf, "field", collection->field);
	tb_config_put_text(buf, "parent", collection->parent);
	if (collection->centre_wins)
		tb_config_put_line(buf, "conflict", "centre");
	if (collection->n_also > 0)
		tb_buf_append_z(buf, TB_CONFIG_KEY_INDENT "also:\n");
	for (size_t i = 0; i < collection->n_also; i++)
		put_also(buf, &collection->also[i]);
}

/* ---- how they are shown ---- */

static void put_times(struct tb_buf *buf,
		      const struct tb_collection *collection)
{
	tb_config_put_pair(buf, TB_CONFIG_KEY_INDENT "times: {", "updated",
			   collection->updated_name);
	tb_config_put_given(buf, "created", collection->created_name);
	tb_config_put_given(buf, "synced", collection->synced_name);
	tb_buf_append_z(buf, "}\n");
}

static void put_rules(struct tb_buf *buf,
		      const struct tb_collection *collection)
{
	if (collection->n_rules > 0)
		tb_buf_append_z(buf, TB_CONFIG_KEY_INDENT "visible:\n");
	for (size_t i = 0; i < collection->n_rules; i++) {
		const struct tb_sight_rule *rule = &collection->rules[i];

		tb_config_put_pair(buf, TB_CONFIG_ITEM, "role", rule->role);
		tb_config_put_given(buf, "through", rule->through);
		tb_config_put_given(buf, "reference", rule->reference);
		tb_config_put_given(buf, "field", rule->field);
		tb_buf_append_z(buf, "}\n");
	}
}

static void put_filters(struct tb_buf *buf,
			const struct tb_collection *collection, bool with_docs)
{
	if (collection->n_filters > 0)
		tb_buf_append_z(buf, TB_CONFIG_KEY_INDENT "filters:\n");
	for (size_t i = 0; i < collection->n_filters; i++) {
		tb_config_put_pair(buf, TB_CONFIG_ITEM, "field",
				   collection->filters[i].field);
		if (with_docs)
			tb_config_put_given(buf, "doc",
					    collection->filters[i].doc);
		tb_buf_append_z(buf, "}\n");
	}
}

static void put_resource(struct tb_buf *buf,
			 const struct tb_collection *collection, bool with_docs)
{
	put_times(buf, collection);
	if (collection->order == TB_ORDER_COMMIT)
		tb_config_put_line(buf, "order", "commit");
	if (collection->n_writers > 0) {
		tb_config_put_list(buf, TB_CONFIG_KEY_INDENT, "writers",
				   collection->writers, collection->n_writers);
		tb_buf_append_char(buf, '\n');
	}
	if (collection->base_optional)
		tb_config_put_line(buf, "base", "optional");
	tb_config_put_number(buf, "history", collection->history);
	tb_config_put_number(buf, "max_token_age", collection->max_token_age_s);
	put_rules(buf, collection);
	put_filters(buf, collection, with_docs);
}

/* ---- all of it ---- */

static void put_field(struct tb_buf *buf, const struct tb_field *field)
{
	tb_config_put_pair(buf, TB_CONFIG_ITEM, "name", field->name);
	tb_buf_append_z(buf, ", type: ");
	tb_buf_append_z(buf, tb_config_field_types[field->type]);
	tb_buf_append_z(buf, field->required ? ", required: yes" : "");
	tb_buf_append_z(buf, field->nullable ? "" : ", nullable: no");
	tb_buf_append_z(buf, field->centre_wins ? ", centre_wins: yes" : "");
	tb_config_put_list(buf, ", ", "values", field->values, field->n_values);
	tb_buf_append_z(buf, field->hidden ? ", hidden: yes" : "");
	/* A field for display is read-only without saying so. */
	if (field->read_only && !field->from.p)
		tb_buf_append_z(buf, ", read_only: yes");
	tb_config_put_list(buf, ", ", "writable", field->writers,
			   field->n_writers);
	tb_config_put_given(buf, "references", field->references);
	tb_config_put_given(buf, "from", field->from);
	tb_config_put_given(buf, "show", field->show);
	tb_buf_append_z(buf, "}\n");
}

void tb_config_put_collection(struct tb_buf *buf,
			      const struct tb_collection *collection,
			      bool with_docs)
{
	tb_config_put_pair(buf, "  - ", "name", collection->name);
	tb_buf_append_char(buf, '\n');
	tb_config_put_text(buf, "path", collection->path);
	if (collection->id_type == TB_ID_INTEGER)
		tb_config_put_line(buf, "id", "integer");
	put_route(buf, collection);
	if (collection->path.p)
		put_resource(buf, collection, with_docs);
	if (collection->n_fields > 0)
		tb_buf_append_z(buf, TB_CONFIG_KEY_INDENT "fields:\n");
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
