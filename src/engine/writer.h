/*
 * The writer: one group of commits is run at a time. A commit that finds
 * nothing running and nobody waiting is run at once, on its submitter's
 * thread. Others wait; the writer's own thread takes them as a group and wakes
 * who submitted them. While one group is synced the next gathers, so that load
 * makes groups larger and not waits longer. Thread-safe.
 */
#ifndef TB_ENGINE_WRITER_H
#define TB_ENGINE_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct tb_commit;
struct tb_writer_thread;

struct tb_writer_options {
	/* Runs a group; the outcome of each is in its commit afterwards. It is
	 * called on changing threads, never by two at a time, and each call
	 * sees what the one before it did. */
	void (*run)(void *ctx, struct tb_commit **commits, size_t n);
	void *ctx;
	uint32_t group_max;  /* commits in a group */
	uint32_t weight_max; /* their weights together; a group of one may
			      * be over it */
	uint32_t queue_max;  /* commits waiting; over it BUSY */
};

enum tb_err tb_writer_start(const struct tb_writer_options *options,
			    struct tb_writer_thread **ret) tb_must_check;
/* Runs what waits, lets end what runs, then ends the thread. Nobody may begin
 * to submit any more. Takes NULL. */
void tb_writer_stop(struct tb_writer_thread *writer);
/* Returns when the commit was run, or refused with BUSY: see commit->err. */
void tb_writer_submit(struct tb_writer_thread *writer,
		      struct tb_commit *commit);

#endif
