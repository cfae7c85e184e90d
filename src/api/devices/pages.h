/*
 * Live events out of the store, rendered, as one client is to get them. On
 * workers.
 */
#ifndef TB_API_DEVICES_PAGES_H
#define TB_API_DEVICES_PAGES_H

#include "api/devices/flow.h"
#include "base/arena.h"
#include "kernel/core.h"

/* Events looked at for one page. */
#define TB_PAGES_EVENTS_MAX 256u

/* For whom. Borrowed. */
struct tb_pages_reader {
	struct tb_core *core;
	struct tb_arena *arena;
	uint32_t org;
	struct tb_str device; /* or empty */
	bool has_token;       /* it gets updates, too ... */
	uint64_t connection;  /* but for its own */
	size_t max_bytes;     /* of events; one always fits */
};

struct tb_pages_event {
	uint64_t id;
	bool waits; /* until the device acknowledges it */
	const char *name;
	struct tb_str text;
};

/* Results in the arena. */
struct tb_pages_page {
	struct tb_pages_event *events;
	size_t n;
	uint64_t last;  /* it goes as far as this */
	bool is_all;    /* to the end, as it was when this was read */
	uint64_t *kept; /* of `waiting`: those that still do; NULL: nobody
			 * asked */
	size_t n_kept;
};

/* The page that a flow asks for; `waiting` are the ids that wait in it. */
enum tb_err tb_pages_read(const struct tb_pages_reader *reader,
			  const struct tb_flow_page *want,
			  const uint64_t *waiting, size_t n_waiting,
			  struct tb_pages_page *ret) tb_must_check;
/* Up to `limit` critical events of others in (after, until] that the device
 * has not acknowledged. */
enum tb_err tb_pages_read_again(const struct tb_pages_reader *reader,
				uint64_t after, uint64_t until, size_t limit,
				struct tb_pages_page *ret) tb_must_check;

#endif
