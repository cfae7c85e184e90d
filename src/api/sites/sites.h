/*
 * The sites API: a site pushes its records, pulls its queue and the central
 * feed, and acknowledges (docs/api/sites.md). This is its state: what all its
 * requests share. Thread-safe, but for create and destroy.
 */
#ifndef TB_API_SITES_SITES_H
#define TB_API_SITES_SITES_H

#include <stdint.h>

#include "auth/auth.h"
#include "http/route.h"
#include "kernel/core.h"

struct tb_sites;

struct tb_sites_options {
	uint32_t central_site_id;  /* shown where the centre is the origin */
	const char *public_url;    /* empty: as the client calls it */
	uint32_t token_lifetime_s; /* 3600 */
	uint32_t page_default;     /* records without a limit; 500 */
	uint32_t page_max;         /* a greater limit counts as this; 5000 */
	uint64_t page_max_bytes;   /* one record may be over it; 16 MiB */
	uint64_t cache_max_bytes;  /* pages of the central feed; 64 MiB */
	uint32_t push_max;         /* records in one push; 50,000 */
	uint32_t acknowledge_max;  /* elements in one body; 100,000 */
};
extern const struct tb_sites_options tb_sites_default_options;

extern const struct tb_api tb_sites_api;

/* Borrows core, auth and options for its life. */
enum tb_err tb_sites_create(struct tb_core *core, struct tb_auth *auth,
			    const struct tb_sites_options *options,
			    struct tb_sites **ret) tb_must_check;
void tb_sites_destroy(struct tb_sites *sites); /* takes NULL */

/* Writes down what was seen of the sites' calls: once a minute, and before
 * the end. What cannot be written is kept for the next time. */
void tb_sites_flush_activity(struct tb_sites *sites);

#endif
