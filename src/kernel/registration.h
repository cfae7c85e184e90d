/*
 * Registered devices: those that events wait for. A registration is a record
 * that operators list; what the device has acknowledged is a silent record of
 * its own (device_marks.h), which its pushes and acknowledgements write.
 *
 * A device counts for the events that arrive while it is active. One that was
 * retired, or not seen for too long, is written off: the events that waited
 * for it wait no longer (device_upkeep.h goes on with what is too much for one
 * commit). When it comes back it counts for those that arrive from then on, or
 * from when it has been written off, if that is not done yet.
 */
#ifndef TB_KERNEL_REGISTRATION_H
#define TB_KERNEL_REGISTRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/core.h"
#include "kernel/device_marks.h"
#include "kernel/view.h"

struct tb_audit_note;

#define TB_REGISTRATION_PRIORITY_MAX 1000u

/* When a device was seen is written down when it is later by so much. */
#define TB_REGISTRATION_SEEN_STEP_US (3600 * (int64_t)1000000)

enum tb_registration_state {
	TB_REGISTRATION_ACTIVE,
	TB_REGISTRATION_AWAY,    /* not seen for too long */
	TB_REGISTRATION_RETIRED, /* by an operator, until an operator takes it
				  * back */
};
/* "active", "away", "retired". */
const char *tb_registration_state_name(enum tb_registration_state state);

struct tb_registration {
	struct tb_str device;
	struct tb_str role; /* or empty */
	uint32_t priority;
	enum tb_registration_state state;
	bool is_back; /* AWAY: it was seen again, and will be active once it is
		       * written off */
	int64_t registered_us;
	int64_t seen_us;
	uint64_t first; /* the last event before it was registered: what it is
			 * sent in real time is above */
	uint64_t counts_from; /* it counts for events above this one ... */
	uint64_t counts_to;   /* up to this one; UINT64_MAX while ACTIVE */
	uint64_t written_off; /* not ACTIVE: it waits no longer for what is up
			       * to here; counts_to when that has ended */
};
/* True if an event that waits for devices waits for this one, unless it is its
 * own or is acknowledged. */
bool tb_registration_counts(const struct tb_registration *reg, uint64_t id);
/* True if nothing waits any more for one that is not ACTIVE. */
bool tb_registration_is_written_off(const struct tb_registration *reg);

/* A registration and its marks (NULL: not them), from a snapshot. NOT_FOUND:
 * it is not registered. */
enum tb_err
tb_registration_read(struct tb_tx *tx, struct tb_arena *arena, uint32_t org,
		     struct tb_str device, struct tb_registration *ret,
		     struct tb_device_marks *ret_marks) tb_must_check;

/* Lists in the order of their last change: up to `max` above `after`;
 * `*ret_next` is the `after` for the next call. */
enum tb_err tb_registration_list(struct tb_tx *tx, struct tb_arena *arena,
				 uint32_t org, uint64_t after,
				 struct tb_registration *rets, size_t max,
				 size_t *ret_n,
				 uint64_t *ret_next) tb_must_check;

/* ---- in a commit ---- */

/* Gather: what the others will look at. */
enum tb_err tb_registration_want(struct tb_view *view,
				 struct tb_str device) tb_must_check;
/* NOT_FOUND: it is not registered. `ret_marks` may be NULL. */
enum tb_err
tb_registration_get(struct tb_view *view, struct tb_str device,
		    struct tb_registration *ret,
		    struct tb_device_marks *ret_marks) tb_must_check;
/* For a device that is not registered. CONFLICT: there are `devices_max`;
 * nothing changed. */
enum tb_err
tb_registration_make(struct tb_view *view, struct tb_str device,
		     uint64_t devices_max, struct tb_registration *ret,
		     struct tb_device_marks *ret_marks) tb_must_check;
enum tb_err
tb_registration_save(struct tb_view *view,
		     const struct tb_registration *reg) tb_must_check;
enum tb_err
tb_registration_save_marks(struct tb_view *view, struct tb_str device,
			   const struct tb_device_marks *marks) tb_must_check;
/* How many devices count for an event that arrives now. */
enum tb_err tb_registration_count(struct tb_view *view,
				  uint64_t *ret) tb_must_check;
/* It was seen now: one that is AWAY comes back. Saves what changes. */
enum tb_err tb_registration_see(struct tb_view *view,
				struct tb_registration *reg) tb_must_check;
/* An ACTIVE one gets another state, and one that is written off becomes
 * ACTIVE; to be saved. */
enum tb_err
tb_registration_leave(struct tb_view *view, struct tb_registration *reg,
		      enum tb_registration_state state) tb_must_check;
enum tb_err tb_registration_return(struct tb_view *view,
				   struct tb_registration *reg) tb_must_check;
/* Goes on with writing a device off, looking at no more than `*left` pending
 * events, which it counts down; to be saved. One that is back becomes ACTIVE
 * at the end. */
enum tb_err tb_registration_write_off(struct tb_view *view,
				      struct tb_registration *reg,
				      size_t *left) tb_must_check;

/* ---- commits ---- */

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

/* Devices that were seen, since when it was last written down. */
struct tb_device_seen {
	struct tb_str device;
	int64_t seen_us;
};
/* Writes it down, some hundred in a commit: those that are not registered are
 * left out, and those whose time is hardly later; those that were AWAY come
 * back. Where nothing is to be written it costs no commit. */
enum tb_err tb_registration_note_seen(struct tb_core *core, uint32_t org,
				      const struct tb_device_seen *seen,
				      size_t n) tb_must_check;

#endif
