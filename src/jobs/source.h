/*
 * Sources and targets, as they are configured: what jobs can reach, and what is
 * there. Plain data, made by the configuration, borrowed by everybody else.
 */
#ifndef TB_JOBS_SOURCE_H
#define TB_JOBS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* The name of the org's own collections. */
#define TB_SOURCE_LOCAL "local"

enum tb_source_paging {
	TB_PAGING_NONE,   /* one answer has all */
	TB_PAGING_LINK,   /* a header Link with rel="next" */
	TB_PAGING_CURSOR, /* a member names the next page */
	TB_PAGING_PAGE,   /* pages have numbers, from 1 */
};

enum tb_file_format {
	TB_FILE_BY_NAME,
	TB_FILE_NDJSON,
	TB_FILE_CSV
};

enum tb_on_delete {
	TB_ON_DELETE_DELETE,
	TB_ON_DELETE_IGNORE
};

struct tb_rename {
	struct tb_str from;
	struct tb_str to;
};

struct tb_source_entity {
	struct tb_str name;
	struct tb_str collection;
	struct tb_str key;   /* "id" */
	struct tb_str path;  /* never empty: made of the name where missing */
	struct tb_str items; /* empty: the answer is the array */
	struct tb_str total; /* empty: nothing says it */
	enum tb_file_format format;
	struct tb_str deleted_field; /* empty: nothing says so */
	struct tb_str deleted_value; /* empty: it being there says so */
	enum tb_on_delete on_delete;
	const struct tb_rename *renames;
	size_t n_renames;
};

struct tb_source {
	struct tb_str name;
	const char *type;          /* of connectors.def */
	const struct tb_str *orgs; /* names; n_orgs 0: everybody's */
	size_t n_orgs;
	const char *url; /* without a slash at its end; NULL: it has none */
	const char *ca_file;
	const char *token_file;
	const char *token_header; /* NULL: Authorization, as a bearer */
	const char *user;
	const char *password_file;
	const char *hardware_id;
	const char *api_version;
	const char *path; /* a folder */
	uint32_t timeout_s;
	uint64_t page_max_bytes;
	uint32_t page_size;
	enum tb_source_paging paging;
	struct tb_str page_param;   /* CURSOR, PAGE */
	struct tb_str size_param;   /* empty: not asked for */
	struct tb_str cursor_field; /* CURSOR */
	struct tb_str since_param;  /* empty: it knows none */
	const struct tb_source_entity *entities;
	size_t n_entities;
};

struct tb_sources {
	const struct tb_source *list;
	size_t n;
};

/* The source of this name that this org may use, or NULL. */
const struct tb_source *tb_sources_find(const struct tb_sources *sources,
					struct tb_str name, struct tb_str org);
/* Its entity of this name, or NULL. */
const struct tb_source_entity *
tb_source_entity_find(const struct tb_source *source, struct tb_str name);
#endif
