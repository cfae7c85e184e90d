/*
 * One commit of an acknowledgement (device_ack.c): some runs of ids, and what
 * is known of the events in them. Only for the files that acknowledge.
 */
#ifndef TB_KERNEL_DEVICE_ACK_PIECE_H
#define TB_KERNEL_DEVICE_ACK_PIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/commit.h"
#include "kernel/marks.h"

/* Of one commit: runs, events that were pending, and ids altogether. */
#define TB_DEVICE_ACK_RUNS_MAX 1000
#define TB_DEVICE_ACK_PENDING_MAX 1000
#define TB_DEVICE_ACK_IDS_MAX 20000

/* Ids in order. */
struct tb_ids {
	uint64_t *list;
	size_t n;
	size_t room;
};

struct tb_device_ack_piece {
	struct tb_commit commit;
	struct tb_str device;
	uint64_t devices_max;
	struct tb_island runs[TB_DEVICE_ACK_RUNS_MAX]; /* in order */
	size_t n_runs;
	/* Of the events of these runs, as a snapshot had them. One that was not
	 * pending then will never be; what is critical or the device's own
	 * stays so. */
	struct tb_ids pending;
	struct tb_ids critical;
	struct tb_ids own;

	/* The result. */
	uint64_t n_new;
	bool is_too_large; /* nothing was acknowledged: too many gaps */
	char detail[64];   /* of the audit note */
};

/* The commit's kind. */
extern const struct tb_commit_kind tb_device_ack_kind;

#endif
