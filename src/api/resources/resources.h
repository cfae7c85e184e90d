/*
 * The resources API: the declared collections as phones and browsers download
 * and edit them, and the tokens of their users. docs/api/resources.md is what
 * it promises.
 */
#ifndef TB_API_RESOURCES_RESOURCES_H
#define TB_API_RESOURCES_RESOURCES_H

#include <stdint.h>

#include "api/api.h"
#include "auth/auth.h"
#include "http/route.h"
#include "kernel/core.h"

struct tb_resources;

struct tb_resources_options {
	uint32_t access_life_s;         /* an hour */
	uint32_t refresh_life_s;        /* a week */
	uint32_t page_max;              /* records in a page; 5,000 */
	uint32_t deleted_days;          /* traces of deletions; 30 */
	uint64_t spool_max_bytes;       /* of one answer; 4 GiB */
	uint64_t spool_total_max_bytes; /* of all together; 16 GiB */
	const char *spool_path;         /* folder; "": that of the data */
	/* What GET sync/status says. */
	const char *strategy;
	const char *strategy_description;
	const char *strategy_conflicts;
	const char *strategy_resolution;
	const char *timestamp_doc;
};
extern const struct tb_resources_options tb_resources_default_options;

/* Borrows everything of `env` for its life. */
enum tb_err tb_resources_create(const struct tb_api_env *env,
				struct tb_resources **ret) tb_must_check;
void tb_resources_destroy(struct tb_resources *resources); /* takes NULL */

extern const struct tb_api tb_resources_api;

/* For how long deleted records leave a trace, in microseconds. `options` is a
 * struct tb_resources_options as the configuration has read it. */
int64_t tb_resources_deleted_us(const struct tb_resources_options *options);

#endif
