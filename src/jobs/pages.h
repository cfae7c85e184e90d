/*
 * The pages of one entity: asked for one after the other, again where that may
 * help, and one ahead of who takes them on a thread of its own, unless the
 * source wants to be told of each page before the next.
 */
#ifndef TB_JOBS_PAGES_H
#define TB_JOBS_PAGES_H

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "jobs/connectors/connector.h"
#include "jobs/stop.h"

struct tb_pages;

struct tb_pages_options {
	const struct tb_connector *connector;
	const struct tb_connector_task *task; /* its is_stopped is stop's */
	struct tb_str cursor;                 /* copied */
	struct tb_stop *stop;
	uint32_t tries; /* of each page */
};

/* Everything is borrowed. NOMEM. Connects with the first page. */
enum tb_err tb_pages_create(const struct tb_pages_options *options,
			    struct tb_pages **ret) tb_must_check;
/* Ends what is under way, if it is stopped, else waits for it; takes NULL. */
void tb_pages_destroy(struct tb_pages *pages);

/* The next page, good until the next call. An error: *ret_failure, good until
 * destroyed; then nothing more comes. */
enum tb_err
tb_pages_next(struct tb_pages *pages, struct tb_connector_page *ret,
	      struct tb_connector_failure *ret_failure) tb_must_check;
/* What the last page held is stored: the source is told, if it wants to know,
 * as often as a page is asked for. An error: as above. */
enum tb_err
tb_pages_confirm(struct tb_pages *pages,
		 struct tb_connector_failure *ret_failure) tb_must_check;

/* For how long another server that asks to be left alone is waited for within
 * an attempt, which holds a worker; with a longer Retry-After it is over. */
#define TB_PAGES_ASKED_MAX_S 60u

/* Waits before something is tried again that failed so many times, and whose
 * other side asked for so long; false: it is not to be tried again in this
 * attempt, because it was stopped meanwhile, or because it asked for longer
 * than TB_PAGES_ASKED_MAX_S, which is not waited for. */
bool tb_pages_wait(struct tb_stop *stop, uint32_t failures, uint32_t asked_s);

#endif
