/*
 * A keep-alive HTTP/1.1 connection that sends one request at a time and reads
 * the whole answer: keeps its body, or hands it on as it comes. It never
 * blocks; whoever owns it polls its descriptor.
 */
#ifndef TB_BENCH_CLIENT_H
#define TB_BENCH_CLIENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define TB_CLIENT_ANSWER_MAX ((size_t)64 << 20)

/* Takes a piece of a body, borrowed for the call. */
typedef void tb_client_take_fn(void *ctx, struct tb_str piece);

struct tb_client {
	int fd;
	struct tb_str parts[2]; /* of the request: what is not sent yet */
	struct tb_buf in;
	size_t head_bytes; /* of the answer; 0: not all there */
	size_t body_bytes; /* known, or of the chunks so far */
	size_t chunk_at;   /* where the next chunk's size stands */
	bool chunked;
	bool closing; /* the server will close */
	unsigned status;
	uint64_t received_bytes; /* of the answer, its head too */
	/* Where the body goes; NULL: it is kept. */
	tb_client_take_fn *take;
	void *take_ctx;
	uint64_t left_bytes; /* of the body, or of the chunk, to hand on */
	bool is_last_chunk;
	/* For whoever measures. */
	int64_t sent_us;
};

enum tb_client_state {
	TB_CLIENT_SENDING, /* poll for writing */
	TB_CLIENT_WAITING, /* poll for reading */
	TB_CLIENT_DONE,    /* the answer is there */
	TB_CLIENT_FAILED,  /* closed, or not HTTP */
};

/* Connects. IO. */
enum tb_err tb_client_init(struct tb_client *client,
			   const struct sockaddr_in *address) tb_must_check;
void tb_client_fini(struct tb_client *client);

/* Begins a request. Both parts are borrowed until the answer is there. */
void tb_client_begin(struct tb_client *client, struct tb_str head,
		     struct tb_str body);
/* Does what can be done now. */
enum tb_client_state tb_client_step(struct tb_client *client);
/* The head of the answer, and its body where it is kept; borrowed until the
 * next request. */
struct tb_str tb_client_head(const struct tb_client *client);
struct tb_str tb_client_body(const struct tb_client *client);

#endif
