/*
 * What was seen of the sites' calls since it was last written down: kept in
 * memory, so that a pull writes nothing, and flushed once a minute. A crash
 * loses a minute of it, which nothing depends on. Thread-safe, but for create
 * and destroy.
 */
#ifndef TB_API_SITES_ACTIVITY_H
#define TB_API_SITES_ACTIVITY_H

#include <stdbool.h>

#include "kernel/delivery.h"

/* Sites seen between two flushes; what more come are not noted. */
#define TB_ACTIVITY_SITES_MAX 65536

struct tb_activity;

/* NULL: no memory. */
struct tb_activity *tb_activity_create(void);
void tb_activity_destroy(struct tb_activity *activity); /* takes NULL */

/* Adds to what was seen of the site `seen->site_id`. */
void tb_activity_note(struct tb_activity *activity, uint32_t org,
		      const struct tb_site_activity *seen);
/* What is not written down yet; false: nothing. */
bool tb_activity_get(struct tb_activity *activity, uint32_t org,
		     uint32_t site_id, struct tb_site_activity *ret);
/* True if it is known to be written down that the site reads the central feed;
 * after `false` the store has to be asked. */
bool tb_activity_is_reader(struct tb_activity *activity, uint32_t org,
			   uint32_t site_id);
void tb_activity_set_reader(struct tb_activity *activity, uint32_t org,
			    uint32_t site_id, bool is_reader);
/* Writes it down; what cannot be written is kept. One thread at a time. */
void tb_activity_flush(struct tb_activity *activity, struct tb_core *core);

#endif
