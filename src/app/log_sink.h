/*
 * Where the log's lines go while the server runs: to a descriptor, by a thread
 * of its own that writes many in one piece, because a system call for each
 * line costs as much as a short answer. Lines keep their order and are written
 * a few milliseconds after they came; what a killed process had not written
 * by then is lost. Nobody ever waits for the descriptor: when it takes lines
 * slower than they come, those that find no room are counted and dropped, and
 * a line says how many. Thread-safe but for create and destroy.
 */
#ifndef TB_APP_LOG_SINK_H
#define TB_APP_LOG_SINK_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct tb_log_sink;

/* Appends the line that says how many lines were lost. */
typedef void tb_log_sink_lost_fn(struct tb_buf *buf, int64_t n_lost);

/* Borrows the descriptor. */
enum tb_err tb_log_sink_create(int fd, tb_log_sink_lost_fn *put_lost,
			       struct tb_log_sink **ret) tb_must_check;
/* Writes what is there, as far as the descriptor takes it within a second, and
 * ends the thread; takes NULL. */
void tb_log_sink_destroy(struct tb_log_sink *sink);

/* Takes a line, with its line end, or drops and counts it. */
void tb_log_sink_put(struct tb_log_sink *sink, struct tb_str line);

/* Writes lines to a descriptor. A log that cannot be written must not stop
 * the server: what an error leaves is lost. */
void tb_log_sink_write(int fd, struct tb_str lines);

#endif
