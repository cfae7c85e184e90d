/*
 * The way of an answer through the feeds: row after row becomes text for a
 * sink. One slice of it is read in one snapshot, the reader's. Private to the
 * reader (reader.h) and to what follows (follow.c); used by one thread.
 */
#ifndef TB_API_RESOURCES_WALK_H
#define TB_API_RESOURCES_WALK_H

#include "api/resources/peers.h"
#include "api/resources/reader.h"
#include "api/resources/render.h"

/* A record's text, or of one that is gone what stands for it. */
struct tb_walk_item {
	struct tb_str text; /* borrowed during the call */
	uint64_t id;        /* of a collection with integer ids */
	uint64_t rid;       /* 0: found along the feed of ids */
	uint64_t num;       /* of the change; along the feed of ids the id */
	bool is_gone;
	bool is_void; /* nothing is given: it takes back what was */
};

/* What takes the items; embedded by its owner. */
struct tb_walk_sink {
	/* From now on what was given may be given again. NULL: it never is,
	 * because one slice is read alone. */
	void (*revise)(struct tb_walk_sink *sink);
	/* `*ret_fits` is true before; false ends the walk in front of the item,
	 * as a page does that is full. */
	enum tb_err (*put)(struct tb_walk_sink *sink,
			   const struct tb_walk_item *item, bool *ret_fits);
};

/* A feed that is walked. */
struct tb_walk_feed {
	uint64_t scope;
	uint64_t after; /* where the walk begins in it */
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	bool has_row;
};

struct tb_walk {
	struct tb_reader *reader;
	struct tb_walk_sink *sink;
	struct tb_render *render;
	struct tb_peers *peers;   /* NULL: no record speaks of others */
	struct tb_arena *scratch; /* for one record */
	struct tb_buf item;       /* one record's text */
	struct tb_walk_feed feeds[TB_RULES_MAX];
	size_t n_feeds;
	uint64_t at; /* the number, or the id, of the last row */
	bool is_over;
	bool is_again; /* what comes may be in the sink already */
	size_t slice_rows;
	size_t slice_bytes;

	/* A page. */
	uint32_t n_given;
	uint64_t last_num; /* of the last row that was given */
	int64_t last_us;
	bool has_next;
	struct tb_imported imported; /* times may be out of order up to there */
	size_t n_looked_at;          /* behind the page */
};

/* Borrows both. */
enum tb_err tb_walk_create(struct tb_reader *reader, struct tb_walk_sink *sink,
			   struct tb_walk **ret) tb_must_check;
void tb_walk_destroy(struct tb_walk *walk); /* takes NULL */

/* Finds where the query begins in each feed. */
enum tb_err tb_walk_begin(struct tb_walk *walk) tb_must_check;
/* The same for what changed behind a number, when the rest is in the sink. */
void tb_walk_restart(struct tb_walk *walk, uint64_t num);

/* Read one slice along the feed of ids, or along the changes of all feeds;
 * `is_over` says if that was the last one. */
enum tb_err tb_walk_ids(struct tb_walk *walk) tb_must_check;
enum tb_err tb_walk_feeds(struct tb_walk *walk) tb_must_check;

#endif
