/*
 * The load generator: many connections on one thread, each sending its next
 * request when the answer to the last one is there and right. What is sent
 * and what is right is a mode's business.
 */
#ifndef TB_BENCH_LOAD_H
#define TB_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client.h"
#include "options.h"

struct tb_load_options {
	const char *address; /* 127.0.0.1:PORT */
	const char *user;    /* NAME:PASSWORD; NULL: none */
	const char *header[TB_OPTION_TEXTS_MAX + 1]; /* "Name: value" */
	uint64_t connections;
	uint64_t seconds; /* get, stream: how long */
	uint64_t each;    /* get, stream: requests of each connection; 0: no
			   * end */
	/* 1: it never sleeps, so that a server which is quick does not pay for
	 * waking it up. */
	uint64_t spin;
	uint64_t pid; /* whose memory to report; 0: nobody's */
	/* push, post, edit, queue: records, events, edits, jobs */
	uint64_t total;
	uint64_t batch; /* push, post: of them in a request */
	uint64_t seed;  /* push, post, edit */
	uint64_t site;  /* push: whose records */
	const char *table;
	const char *store;
	/* get, stream: asked for in turn; walk: the first, without its query;
	 * edit: the first, of the collection. */
	const char *url[TB_OPTION_TEXTS_MAX + 1];
	uint64_t count;   /* records in each answer; 0: not counted. edit: how
			   * many there are */
	uint64_t braces;  /* stream: of a record, those that open */
	uint64_t status;  /* get: of each answer */
	const char *base; /* edit: client_last_synced_at */
	uint64_t from;    /* walk: the first cursor */
	uint64_t to;      /* walk: where the last page ends */
	uint64_t limit;   /* walk: numbers in a page */
	uint64_t rounds;  /* walk: how often it is made */
	/* queue: of each job, those that come behind its name. */
	const char *members;
};

/* One connection and what its mode keeps for it. */
struct tb_load_conn {
	struct tb_client client;
	struct tb_buf head; /* of the request; to be filled in by next */
	uint32_t watched;   /* the events it is polled for */
	uint64_t done;      /* requests */
	size_t url;         /* get: which one was asked */
	uint64_t id;        /* edit, queue: of the record, of the name */
	uint64_t braces;    /* stream: seen in the answer */
	int64_t first_us;   /* stream: when its first piece came; 0: not yet */
};

struct tb_load {
	const struct tb_load_options *options;
	struct tb_buf common; /* header lines of all requests */
	int64_t begin_us;
	uint64_t requests;
	uint64_t records;
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t first_max_us; /* stream: the longest wait for a first piece */
	/* For the modes. */
	uint64_t next; /* the next number to give out */
	uint64_t round;
	struct tb_buf bodies;
	size_t *body_ends;
	size_t n_urls;
	struct tb_buf firsts[TB_OPTION_TEXTS_MAX];
};

struct tb_load_mode {
	const char *name;
	enum tb_err (*prepare)(struct tb_load *load);
	/* Begins a connection's next request; false: there is none. */
	bool (*next)(struct tb_load *load, struct tb_load_conn *conn);
	/* True if the answer is right; counts its records. */
	bool (*check)(struct tb_load *load, struct tb_load_conn *conn);
};

/* True if there is one more request to make by the time or the number of them
 * that was asked for. */
bool tb_load_goes_on(const struct tb_load *load,
		     const struct tb_load_conn *conn);
/* Begins a GET of an address that is in conn->head already, behind "GET ". */
void tb_load_begin_get(struct tb_load *load, struct tb_load_conn *conn);

extern const struct tb_load_mode tb_load_push;
extern const struct tb_load_mode tb_load_post;
extern const struct tb_load_mode tb_load_edit;
extern const struct tb_load_mode tb_load_queue;
extern const struct tb_load_mode tb_load_get;
extern const struct tb_load_mode tb_load_walk;
extern const struct tb_load_mode tb_load_stream;

#endif
