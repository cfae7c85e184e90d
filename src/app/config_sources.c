#include "app/config_sources.h"

#include "app/config_entities.h"
#include "app/config_item.h"
#include "base/assert.h"

#define SOURCES_MAX 256
#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)
#define PAGE_SIZE_MAX 10000
/* What Shopify gives at once. */
#define SHOPIFY_PAGE_MAX 250

/* In the order of connectors.def. */
enum type {
#define TB_CONNECTOR(name) TYPE_##name,
#include "jobs/connectors/connectors.def"
#undef TB_CONNECTOR
};
static const char *const types[] = {
#define TB_CONNECTOR(name) #name,
#include "jobs/connectors/connectors.def"
#undef TB_CONNECTOR
};

const char *const tb_config_pagings[] = {
	[TB_PAGING_NONE] = "none",
	[TB_PAGING_LINK] = "link",
	[TB_PAGING_CURSOR] = "cursor",
	[TB_PAGING_PAGE] = "page",
	NULL,
};

/* What stands in one item of `sources` besides its entities. */
struct source_row {
	const char *name;
	const char *type;
	const char *const *orgs;
	const char *url;
	const char *ca_file;
	const char *token_file;
	const char *token_header;
	const char *user;
	const char *password_file;
	const char *hardware_id;
	const char *api_version;
	const char *path;
	uint32_t timeout_s;
	uint64_t page_max_bytes;
	uint32_t page_size; /* 0: not given */
	unsigned paging;    /* enum tb_source_paging */
	const char *page_param;
	const char *size_param;
	const char *cursor_field;
	const char *since_param;
};

/* The org's own collections need no item. */
static bool is_type(struct tb_str text)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(types); i++)
		if (i != TYPE_local && tb_str_eq(text, tb_str_z(types[i])))
			return true;
	return false;
}

#define ROW struct source_row
#define TEXT(member, valid, words)                                             \
	{                                                                      \
		.name = #member, .kind = TB_SETTING_TEXT,                      \
		TB_SETTING_AT(ROW, member), .is_valid = (valid),               \
		.expected = (words)                                            \
	}
#define FILE_PATH(member) TEXT(member, tb_check_not_empty, "a file")
static const struct tb_setting source_rows[] = {
	TEXT(name, tb_check_word, TB_CHECK_WORD),
	TEXT(type, is_type, "shopify, http, site or file"),
	{ .name = "orgs",
	  .kind = TB_SETTING_LIST,
	  TB_SETTING_AT(ROW, orgs),
	  .is_valid = tb_check_not_empty,
	  .expected = "the name of an org" },
	TEXT(url, tb_check_source_url, TB_CHECK_SOURCE_URL),
	FILE_PATH(ca_file),
	FILE_PATH(token_file),
	TEXT(token_header, tb_check_header_name, "the name of a header"),
	TEXT(user, tb_check_login, "a name without a colon"),
	FILE_PATH(password_file),
	TB_CONFIG_NAME(ROW, hardware_id),
	TEXT(api_version, tb_check_word, "a version, as 2024-01"),
	TEXT(path, tb_check_folder, "a folder, without `..` in it"),
	TB_CONFIG_NUMBER(ROW, timeout_s, 1, 3600),
	TB_CONFIG_NUMBER(ROW, page_max_bytes, KIB, GIB),
	TB_CONFIG_NUMBER(ROW, page_size, 1, PAGE_SIZE_MAX),
	TB_CONFIG_CHOICE(ROW, paging, tb_config_pagings),
	TB_CONFIG_NAME(ROW, page_param),
	TB_CONFIG_NAME(ROW, size_param),
	TB_CONFIG_NAME(ROW, cursor_field),
	TB_CONFIG_NAME(ROW, since_param),
};
static const struct tb_settings source_settings = TB_CONFIG_TABLE(source_rows);

static const struct source_row defaults = {
	.timeout_s = 30,
	.page_max_bytes = 32 * MIB,
	.paging = TB_PAGING_NONE,
};

/* ---- what goes with which type ---- */

#define OF(type) (1u << TYPE_##type)
#define SERVERS (OF(shopify) | OF(http) | OF(site))

/* Keys that not all types know; those that are not here, all do. */
static const struct {
	const char *name;
	unsigned known; /* masks of types */
	unsigned needed;
	const char *expected;
} keys[] = {
	{ "url", SERVERS, SERVERS, TB_CHECK_SOURCE_URL },
	{ "ca_file", SERVERS, 0, NULL },
	{ "timeout_s", SERVERS, 0, NULL },
	{ "token_file", OF(shopify) | OF(http), OF(shopify), "a file" },
	{ "token_header", OF(http), 0, NULL },
	{ "user", OF(http) | OF(site), OF(site), "the site's name" },
	{ "password_file", OF(http) | OF(site), OF(site), "a file" },
	{ "hardware_id", OF(site), 0, NULL },
	{ "api_version", OF(shopify), OF(shopify), "a version, as 2024-01" },
	{ "paging", OF(http), 0, NULL },
	{ "page_param", OF(http), 0, NULL },
	{ "size_param", OF(http), 0, NULL },
	{ "cursor_field", OF(http), 0, NULL },
	{ "since_param", OF(http), 0, NULL },
	{ "path", OF(file), OF(file), "a folder" },
};

static enum type type_of(const struct source_row *row)
{
	unsigned type = 0;

	while (!tb_str_eq(tb_str_z(row->type), tb_str_z(types[type])))
		type++;
	return (enum type)type;
}

static void check_keys(const struct tb_config_item *item,
		       const struct source_row *row)
{
	unsigned type = 1u << type_of(row);

	for (size_t i = 0; i < TB_ARRAY_LEN(keys); i++) {
		bool is_given = tb_config_has_key(item, keys[i].name);

		if (is_given && !(keys[i].known & type))
			tb_config_fail_key(item, keys[i].name,
					   tb_config_label(item->reader,
							   "none with type %s",
							   row->type));
		if (!is_given && (keys[i].needed & type))
			tb_config_fail_key(item, keys[i].name,
					   keys[i].expected);
	}
}

/* Each whole, and one of them in the header Authorization. */
static void check_credentials(const struct tb_config_item *item,
			      const struct source_row *row)
{
	if (!row->user != !row->password_file)
		tb_config_fail_key(item, row->user ? "password_file" : "user",
				   "user and password_file together");
	if (row->user && row->token_file && !row->token_header)
		tb_config_fail_key(item, "token_header",
				   "the token's header, beside user and "
				   "password_file");
	if (row->token_header && !row->token_file)
		tb_config_fail_key(item, "token_file",
				   "a file, beside token_header");
}

static void check_paging(const struct tb_config_item *item,
			 const struct source_row *row)
{
	bool needs_param = row->paging == TB_PAGING_CURSOR ||
			   row->paging == TB_PAGING_PAGE;

	if (needs_param != !!row->page_param)
		tb_config_fail_key(item, "page_param",
				   "a parameter with paging cursor or page, "
				   "and none with another");
	if ((row->paging == TB_PAGING_CURSOR) != !!row->cursor_field)
		tb_config_fail_key(item, "cursor_field",
				   "a member with paging cursor, and none with "
				   "another");
}

/* Whoever takes the last one off a list does not mean everybody. */
static void check_orgs(const struct tb_config_item *item,
		       const struct source_row *row)
{
	if (tb_config_has_key(item, "orgs") && (!row->orgs || !row->orgs[0]))
		tb_config_fail_key(item, "orgs",
				   "at least one org; without the key the "
				   "source is everybody's");
}

static void check_source(const struct tb_config_item *item,
			 const struct source_row *row)
{
	check_orgs(item, row);
	if (!row->name)
		tb_config_fail_key(item, "name", TB_CHECK_WORD);
	else if (tb_str_eq(tb_str_z(row->name), TB_STR(TB_SOURCE_LOCAL)))
		tb_config_fail_key(item, "name",
				   "another name than `local`, which is the "
				   "org's own collections");
	if (!row->type) {
		tb_config_fail_key(item, "type", "shopify, http, site or file");
		return;
	}
	check_keys(item, row);
	if (type_of(row) == TYPE_http) {
		check_credentials(item, row);
		check_paging(item, row);
	}
	if (type_of(row) == TYPE_shopify && row->page_size > SHOPIFY_PAGE_MAX)
		tb_config_fail_key(item, "page_size",
				   "at most 250 with type shopify");
}

/* ---- all of it ---- */

/* Paths are put behind it with a slash. */
static const char *cut_slashes(struct tb_config_reader *reader, const char *url)
{
	struct tb_str cut = tb_str_z(url);
	struct tb_str copy;

	while (cut.n > 0 && cut.p[cut.n - 1] == '/')
		cut.n--;
	if (!url)
		return NULL;
	if (!tb_arena_strdup(reader->arena, cut, &copy))
		return copy.p;
	reader->nomem = true;
	return url;
}

static void take_row(struct tb_config_reader *reader,
		     const struct source_row *row, struct tb_source *ret)
{
	enum type type = row->type ? type_of(row) : TYPE_local;
	uint32_t page_size = type == TYPE_file ? 1000 : 250;

	*ret = (struct tb_source) {
		.name = tb_str_z(row->name),
		.type = types[type],
		.url = cut_slashes(reader, row->url),
		.ca_file = row->ca_file,
		.token_file = row->token_file,
		.token_header = row->token_header,
		.user = row->user,
		.password_file = row->password_file,
		.hardware_id = row->hardware_id,
		.api_version = row->api_version,
		.path = row->path,
		.timeout_s = row->timeout_s,
		.page_max_bytes = row->page_max_bytes,
		.page_size = row->page_size ? row->page_size : page_size,
		.paging = (enum tb_source_paging)row->paging,
		.page_param = tb_str_z(row->page_param),
		.size_param = tb_str_z(row->size_param),
		.cursor_field = tb_str_z(row->cursor_field),
		.since_param = tb_str_z(row->since_param),
	};
	ret->orgs = tb_config_slices(reader, row->orgs, &ret->n_orgs);
}

static void read_source(const struct tb_config_item *item,
			const struct tb_declaration *declaration,
			struct tb_source *ret)
{
	struct source_row row = defaults;
	struct tb_config_part entities = { "entities", YAML_SEQUENCE_NODE,
					   NULL };
	bool is_read =
		tb_config_read_item(item, &source_settings, &row, &entities, 1);

	take_row(item->reader, &row, ret);
	if (is_read)
		check_source(item, &row);
	if (entities.node)
		tb_config_read_entities(item, entities.node, declaration, ret);
	else if (is_read)
		tb_config_fail_key(item, "entities", "a list of entities");
}

/* A name is one source's, whoever may use it. */
static void check_name(const struct tb_config_item *item,
		       const struct tb_source *sources, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (sources[at].name.n > 0 &&
		    tb_str_eq(sources[i].name, sources[at].name))
			tb_config_fail_key(item, "name",
					   "a name not given before");
}

enum tb_err tb_config_read_sources(struct tb_config_reader *reader,
				   const yaml_node_t *node,
				   const struct tb_declaration *declaration,
				   struct tb_sources *ret)
{
	struct tb_config_item item;
	struct tb_source *list;
	size_t n;

	if (node->type != YAML_SEQUENCE_NODE ||
	    tb_config_list_len(node) > SOURCES_MAX) {
		tb_config_fail(reader, node,
			       "sources: expected a list of at most %d",
			       SOURCES_MAX);
		return TB_OK;
	}
	n = tb_config_list_len(node);
	list = tb_arena_calloc(reader->arena, n, sizeof(*list));
	if (!list)
		return TB_ERR_NOMEM;
	for (size_t i = 0;
	     tb_config_open_item(reader, "sources", node, i, &item); i++) {
		read_source(&item, declaration, &list[i]);
		check_name(&item, list, i);
	}
	if (reader->nomem)
		return TB_ERR_NOMEM;
	*ret = (struct tb_sources) { .list = list, .n = n };
	return TB_OK;
}
