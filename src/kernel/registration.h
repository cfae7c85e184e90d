/*
 * Registered devices: those that events wait for. A registration is a record
 * that operators list; how far the device has acknowledged is a silent record
 * of its own, which its pushes and acknowledgements write.
 *
 * A device counts for the events that arrive while it is active. One that was
 * retired, or not seen for too long, is written off: the events that waited
 * for it wait no longer (in the background, device_upkeep.h). When it comes
 * back it counts for those that arrive from then on.
 */
#ifndef TB_KERNEL_REGISTRATION_H
#define TB_KERNEL_REGISTRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/core.h"
#include "kernel/marks.h"
#include "kernel/view.h"

struct tb_audit_note;

#define TB_REGISTRATION_PRIORITY_MAX 1000u

enum tb_registration_state {
	TB_REGISTRATION_ACTIVE,
	TB_REGISTRATION_AWAY,    /* not seen for too long */
	TB_REGISTRATION_RETIRED, /* by an operator, until an operator takes it
				  * back */
};

struct tb_registration {
	struct tb_str device;
	struct tb_str role; /* or empty */
	uint32_t priority;
	enum tb_registration_state state;
	int64_t registered_us;
	int64_t seen_us;
	uint64_t first; /* the last event before it was registered: what it is
			 * sent in real time is above */
	uint64_t counts_from; /* it counts for events above this one ... */
	uint64_t counts_to;   /* up to this one; UINT64_MAX while ACTIVE */
	uint64_t written_off; /* not ACTIVE: it waits no longer for what is up
			       * to here; counts_to when that has ended */
};

/* A registration and its marks, from a snapshot. NOT_FOUND: it is not
 * registered. */
enum tb_err tb_registration_read(struct tb_tx *tx, struct tb_arena *arena,
				 uint32_t org, struct tb_str device,
				 struct tb_registration *ret,
				 struct tb_marks *ret_marks) tb_must_check;
/* The same in a commit; and what push and acknowledge do to it: NOT_FOUND is
 * made anew by tb_registration_make. CONFLICT: there are `devices_max`. */
enum tb_err tb_registration_get(struct tb_view *view, struct tb_str device,
				struct tb_registration *ret,
				struct tb_marks *ret_marks) tb_must_check;
enum tb_err tb_registration_make(struct tb_view *view, struct tb_str device,
				 uint64_t devices_max,
				 struct tb_registration *ret,
				 struct tb_marks *ret_marks) tb_must_check;
enum tb_err
tb_registration_save_marks(struct tb_view *view, struct tb_str device,
			   const struct tb_marks *marks) tb_must_check;
/* How many devices count for an event that arrives now. */
enum tb_err tb_registration_count(struct tb_view *view,
				  uint64_t *ret) tb_must_check;

/* What a device says of itself. */
struct tb_register {
	struct tb_str device;
	struct tb_str role; /* p NULL: stays as it is */
	bool has_priority;
	uint32_t priority;
};
/* Makes it known, or changes what is sent; durable. One that is as it is asked
 * for costs no commit. Its state stays, but for AWAY, which ends. CONFLICT: too
 * many. */
enum tb_err
tb_registration_register(struct tb_core *core, struct tb_arena *arena,
			 const struct tb_audit_note *note, uint32_t org,
			 const struct tb_register *what, uint64_t devices_max,
			 struct tb_registration *ret) tb_must_check;
/* NOT_FOUND. Taking back: it counts from now on. */
enum tb_err tb_registration_retire(struct tb_core *core,
				   const struct tb_audit_note *note,
				   uint32_t org, struct tb_str device,
				   bool retired) tb_must_check;

/* Lists in the order of their last change: up to `max` above `after`;
 * `*ret_next` is the `after` for the next call. */
enum tb_err tb_registration_list(struct tb_tx *tx, struct tb_arena *arena,
				 uint32_t org, uint64_t after,
				 struct tb_registration *rets, size_t max,
				 size_t *ret_n,
				 uint64_t *ret_next) tb_must_check;

/* Devices that were seen, since when it was last written down. */
struct tb_device_seen {
	struct tb_str device;
	int64_t seen_us;
};
/* Writes it down in one commit; those that are not registered are left out,
 * those that were AWAY count again. */
enum tb_err tb_registration_note_seen(struct tb_core *core, uint32_t org,
				      const struct tb_device_seen *seen,
				      size_t n) tb_must_check;

#endif
