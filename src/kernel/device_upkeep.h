/*
 * What time does to devices and their events: devices that were not seen are
 * written off, events that wait for too long fail, old ones go. Each call does
 * a bounded piece in one commit, or none where there is nothing to do.
 */
#ifndef TB_KERNEL_DEVICE_UPKEEP_H
#define TB_KERNEL_DEVICE_UPKEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/core.h"

/* Events looked at in one commit. */
#define TB_DEVICE_UPKEEP_MAX 1000

struct tb_device_ages {
	int64_t absent_us;  /* of a device that is not seen */
	int64_t pending_us; /* of an event that waits */
	int64_t keep_us;    /* of one that does not */
};

/* `*ret_more`: call again. */
enum tb_err tb_device_upkeep(struct tb_core *core, uint32_t org,
			     const struct tb_device_ages *ages,
			     bool *ret_more) tb_must_check;

#endif
