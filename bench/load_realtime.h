/*
 * The load generator of realtime servers: WebSocket clients on one thread that
 * speak as much Socket.IO as it takes. The processor time that the server's
 * process uses meanwhile is read from the kernel. What is sent and awaited is a
 * mode's business.
 */
#ifndef TB_BENCH_LOAD_REALTIME_H
#define TB_BENCH_LOAD_REALTIME_H

#include "websocket.h"

#define TB_REALTIME_TEXT_MAX 1024

struct tb_realtime_options {
	uint64_t port; /* on 127.0.0.1 */
	uint64_t pid;  /* the server's process */
	uint64_t clients;
	uint64_t parallel; /* handshakes at once */
	uint64_t warm;     /* rounds that are not measured */
	uint64_t rounds;   /* that are */
	/* 1: the server speaks no protocol: each frame that it gets goes to
	 * all. */
	uint64_t bare;
	const char *auth; /* JSON, of the CONNECT packet */
	/* Socket.IO packets, in which % stands for the round: what a client
	 * sends, and what the answer begins with. */
	const char *send;
	const char *expect;
};

/* One client. */
struct tb_realtime_conn {
	struct tb_websocket ws; /* first, so that the one is the other */
	bool is_in;             /* the namespace */
	bool is_leaving;
	uint64_t n_got; /* messages that were expected */
};

struct tb_realtime_load {
	const struct tb_realtime_options *options;
	const struct tb_realtime_mode *mode;
	struct tb_realtime_conn *conns;
	uint64_t n_begun; /* connections that were ever begun */
	uint64_t n_in;    /* clients that are in the namespace */
	bool is_done;
	/* What was measured; rising, warm-up included. */
	uint64_t n_messages;
	uint64_t round;
	int64_t sent_us; /* of the round */
	/* At the end of the warm-up. */
	int64_t begin_us;
	int64_t begin_processor_ns;
	uint64_t begin_messages;
	uint64_t slowest_us; /* of the rounds that are measured */
};

struct tb_realtime_mode {
	const char *name;
	/* True: a client connects as soon as another one has left. */
	bool goes_round;
	/* All clients are in; goes_round: one of them (conn). */
	void (*begin)(struct tb_realtime_load *load,
		      struct tb_realtime_conn *conn);
	/* A Socket.IO event or answer. */
	void (*message)(struct tb_realtime_load *load,
			struct tb_realtime_conn *conn, struct tb_str text);
	/* It has left. NULL: nobody may. */
	void (*left)(struct tb_realtime_load *load);
};

/* The warm-up is over. */
void tb_realtime_begin_measuring(struct tb_realtime_load *load);
/* Sends what a client is to send in this round. */
void tb_realtime_send(struct tb_realtime_load *load,
		      struct tb_realtime_conn *conn, uint64_t round);
/* True if the text is what is expected in this round; any other text that is
 * no part of a warm-up means that something was missed or doubled, and is for
 * the mode to judge. */
bool tb_realtime_is_expected(const struct tb_realtime_load *load,
			     struct tb_str text, uint64_t round);

extern const struct tb_realtime_mode tb_realtime_broadcast;
extern const struct tb_realtime_mode tb_realtime_echo;
extern const struct tb_realtime_mode tb_realtime_handshake;
extern const struct tb_realtime_mode tb_realtime_hold;

#endif
