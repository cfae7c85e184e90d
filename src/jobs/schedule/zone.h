/*
 * Time zones: what the system's zone data (TZif files, RFC 8536) says of a
 * zone's offsets, past and to come. Immutable once loaded; thread-safe.
 */
#ifndef TB_JOBS_SCHEDULE_ZONE_H
#define TB_JOBS_SCHEDULE_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct tb_zone;

#define TB_ZONE_NAME_MAX_BYTES 64

/* The zone of an IANA name, from $TZDIR or else /usr/share/zoneinfo; "UTC"
 * needs no file. NOT_FOUND: there is none of this name (names that lead out of
 * the folder among them). CORRUPT: its file is none. UNSUPPORTED: it counts
 * leap seconds, as those of `right/` do. IO, NOMEM. */
enum tb_err tb_zone_load(struct tb_str name,
			 struct tb_zone **ret) tb_must_check;
/* The same from a file's bytes. */
enum tb_err tb_zone_parse(const void *bytes, size_t n,
			  struct tb_zone **ret) tb_must_check;
void tb_zone_destroy(struct tb_zone *zone); /* takes NULL */

/* Moments are those that microseconds in 64 bits can tell. */

/* By how much the zone's clocks are ahead of UTC, and until when (then no more)
 * that stays so; INT64_MAX: for ever. */
int32_t tb_zone_offset(const struct tb_zone *zone, int64_t utc_s,
		       int64_t *ret_until_s);
/* A moment on the zone's clocks, in seconds as if they showed UTC. */
int64_t tb_zone_local(const struct tb_zone *zone, int64_t utc_s);
/* The moment at which the zone's clocks show this: the first one of two, and
 * the end of the gap where they never do. */
int64_t tb_zone_utc(const struct tb_zone *zone, int64_t local_s);

#endif
