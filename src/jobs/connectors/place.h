/*
 * Where the reading of a source that comes in pages is: the next page, and
 * enough to notice that the source goes round in a circle, however long, also
 * over restarts. It is the connector's cursor, as JSON. Pure.
 */
#ifndef TB_JOBS_CONNECTORS_PLACE_H
#define TB_JOBS_CONNECTORS_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "codec/json.h"
#include "jobs/connectors/connector.h"

/* Of what a source says about its next page. */
#define TB_PLACE_NEXT_MAX_BYTES 2048
/* Pages in a row without a record: a source that has ever new ones of these
 * would be read for ever. */
#define TB_PLACE_EMPTY_MAX 100000

struct tb_place {
	char next[TB_PLACE_NEXT_MAX_BYTES];
	size_t n_next;    /* 0: the first page */
	uint64_t read;    /* records */
	uint64_t n_empty; /* pages without any, up to here */
	bool is_done;
	/* Of the pages so far one is remembered: a later one each time their
	 * number has doubled, so that any circle is met in the end. */
	uint64_t remembered;
	uint64_t since;   /* pages since it was */
	uint64_t doubled; /* 0: none is */
};

static inline struct tb_str tb_place_next(const struct tb_place *place)
{
	return tb_str(place->next, place->n_next);
}

/* Goes on behind a page of `n` records. `next` names the next page; `mark` is
 * what must not come again: `next` itself, or what the page held. Fails, and
 * changes nothing: "cursor_loops", "cursor_too_long", which do not pass. */
enum tb_err
tb_place_go_on(struct tb_place *place, struct tb_arena *arena, size_t n,
	       struct tb_str next, struct tb_str mark,
	       struct tb_connector_failure *ret_failure) tb_must_check;
/* The same, where another series of pages begins from its first. */
void tb_place_begin_series(struct tb_place *place, size_t n);
/* The same behind the last page. */
void tb_place_end(struct tb_place *place, size_t n);

/* As members of an object that the writer is in. */
void tb_place_put(struct tb_json_writer *w, const struct tb_place *place);
/* From such an object. INVALID: it is none. */
enum tb_err tb_place_read(struct tb_arena *arena, struct tb_json_value object,
			  struct tb_place *ret) tb_must_check;

#endif
