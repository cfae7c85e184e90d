/*
 * One at a time reads as one site of another server. Of two, the one that is
 * slower could store what the other has replaced and acknowledged already, and
 * nobody would send the newer again. Thread-safe.
 */
#ifndef TB_JOBS_CONNECTORS_SITE_TURN_H
#define TB_JOBS_CONNECTORS_SITE_TURN_H

#include <stdbool.h>

#include "jobs/source.h"

/* Embedded by who reads; zeroed: it is not its turn. */
struct tb_site_turn {
	const struct tb_source *source; /* whose site it is */
	struct tb_site_turn *next;
};

/* False: another one reads as the site of this server. Who has it already keeps
 * it. */
bool tb_site_turn_take(struct tb_site_turn *turn,
		       const struct tb_source *source);
void tb_site_turn_end(struct tb_site_turn *turn); /* takes one not taken */

#endif
