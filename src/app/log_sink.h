/*
 * Where the log's lines go while the server runs: to a descriptor, by a thread
 * of its own that writes many in one piece, because a system call for each
 * line costs as much as a short answer. Lines keep their order and are written
 * a few milliseconds after they came; what a killed process had not written
 * by then is lost. When the descriptor takes them slower than they come,
 * whoever brings one waits. Thread-safe but for create and destroy.
 */
#ifndef TB_APP_LOG_SINK_H
#define TB_APP_LOG_SINK_H

#include "base/err.h"
#include "base/str.h"

struct tb_log_sink;

/* Borrows the descriptor. */
enum tb_err tb_log_sink_create(int fd, struct tb_log_sink **ret) tb_must_check;
/* Writes what is there and ends the thread; takes NULL. */
void tb_log_sink_destroy(struct tb_log_sink *sink);

/* Takes a line, or several, with their line ends. */
void tb_log_sink_put(struct tb_log_sink *sink, struct tb_str lines);

/* Writes lines to a descriptor. A log that cannot be written must not stop
 * the server: what an error leaves is lost. */
void tb_log_sink_write(int fd, struct tb_str lines);

#endif
