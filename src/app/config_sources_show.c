#include "app/config_sources.h"
#include "app/config_yaml.h"

static void put_orgs(struct tb_buf *buf, const struct tb_source *source)
{
	if (source->n_orgs == 0)
		return;
	tb_config_put_list(buf, TB_CONFIG_KEY_INDENT, "orgs", source->orgs,
			   source->n_orgs);
	tb_buf_append_char(buf, '\n');
}

/* How its server is called, and who calls. */
static void put_server(struct tb_buf *buf, const struct tb_source *source)
{
	const struct {
		const char *key;
		const char *value;
	} texts[] = {
		{ "url", source->url },
		{ "ca_file", source->ca_file },
		{ "token_file", source->token_file },
		{ "token_header", source->token_header },
		{ "user", source->user },
		{ "password_file", source->password_file },
		{ "hardware_id", source->hardware_id },
		{ "api_version", source->api_version },
		{ "path", source->path },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		tb_config_put_text(buf, texts[i].key, tb_str_z(texts[i].value));
	if (source->url)
		tb_config_put_number(buf, "timeout_s", source->timeout_s);
}

static void put_paging(struct tb_buf *buf, const struct tb_source *source)
{
	tb_config_put_number(buf, "page_max_bytes", source->page_max_bytes);
	tb_config_put_number(buf, "page_size", source->page_size);
	if (source->paging != TB_PAGING_NONE)
		tb_config_put_line(buf, "paging",
				   tb_config_pagings[source->paging]);
	tb_config_put_text(buf, "page_param", source->page_param);
	tb_config_put_text(buf, "size_param", source->size_param);
	tb_config_put_text(buf, "cursor_field", source->cursor_field);
	tb_config_put_text(buf, "since_param", source->since_param);
}

static void put_renames(struct tb_buf *buf,
			const struct tb_source_entity *entity)
{
	if (entity->n_renames == 0)
		return;
	tb_buf_append_z(buf, ", renames: [");
	for (size_t i = 0; i < entity->n_renames; i++) {
		tb_config_put_pair(buf, i == 0 ? "{" : ", {", "from",
				   entity->renames[i].from);
		tb_config_put_pair(buf, ", ", "to", entity->renames[i].to);
		tb_buf_append_char(buf, '}');
	}
	tb_buf_append_char(buf, ']');
}

static void put_entity(struct tb_buf *buf,
		       const struct tb_source_entity *entity)
{
	tb_config_put_pair(buf, TB_CONFIG_ITEM, "name", entity->name);
	tb_config_put_given(buf, "collection", entity->collection);
	tb_config_put_given(buf, "key", entity->key);
	tb_config_put_given(buf, "path", entity->path);
	tb_config_put_given(buf, "items", entity->items);
	tb_config_put_given(buf, "total", entity->total);
	if (entity->format != TB_FILE_BY_NAME)
		tb_buf_printf(buf, ", format: %s",
			      tb_config_file_formats[entity->format -
						     TB_FILE_NDJSON]);
	tb_config_put_given(buf, "deleted_field", entity->deleted_field);
	tb_config_put_given(buf, "deleted_value", entity->deleted_value);
	tb_buf_printf(buf, ", on_delete: %s",
		      tb_config_on_deletes[entity->on_delete]);
	put_renames(buf, entity);
	tb_buf_append_z(buf, "}\n");
}

static void put_source(struct tb_buf *buf, const struct tb_source *source)
{
	tb_config_put_pair(buf, "  - ", "name", source->name);
	tb_buf_append_char(buf, '\n');
	tb_config_put_line(buf, "type", source->type);
	put_orgs(buf, source);
	put_server(buf, source);
	put_paging(buf, source);
	tb_buf_append_z(buf, TB_CONFIG_KEY_INDENT "entities:\n");
	for (size_t i = 0; i < source->n_entities; i++)
		put_entity(buf, &source->entities[i]);
}

void tb_config_put_sources(struct tb_buf *buf, const struct tb_sources *sources)
{
	tb_buf_append_z(buf, "\n# What jobs read from and send to; "
			     "docs/api/jobs.md describes the form.\n");
	tb_buf_append_z(buf, sources->n > 0 ? "sources:\n" : "sources: []\n");
	for (size_t i = 0; i < sources->n; i++)
		put_source(buf, &sources->list[i]);
}
