/*
 * The log: one JSON line for each event, written whole to a file descriptor,
 * so that lines of threads never mix. Holds no record contents: what it may
 * say of a request is in struct tb_access. Thread-safe. Borrows the
 * descriptor.
 */
#ifndef TB_APP_LOG_H
#define TB_APP_LOG_H

#include <stdatomic.h>
#include <stdint.h>

#include "app/log_sink.h"
#include "base/buf.h"
#include "base/str.h"
#include "http/server.h"

enum tb_log_level {
	TB_LOG_DEBUG,
	TB_LOG_INFO,
	TB_LOG_WARN,
	TB_LOG_ERROR,
	TB_LOG_LEVEL_COUNT,
};

/* "debug", "info", ...; NULL-ended. */
extern const char *const tb_log_level_names[];

/* A longer line is cut (a pipe takes this much in one piece). */
#define TB_LOG_LINE_MAX 4096

struct tb_log {
	int fd;
	struct tb_log_sink *sink; /* NULL: each line is written at once */
	atomic_uint level;        /* enum tb_log_level */
};

void tb_log_init(struct tb_log *log, int fd, enum tb_log_level level);
/* From now on lines are gathered and written by a thread of their own, until
 * the end. Both before other threads log, or when none does any more. */
enum tb_err tb_log_start(struct tb_log *log) tb_must_check;
void tb_log_stop(struct tb_log *log);
void tb_log_set_level(struct tb_log *log, enum tb_log_level level);

/* A member of a line besides time, level and message. */
struct tb_log_field {
	const char *name;
	struct tb_str text; /* p NULL: `number` counts */
	int64_t number;
};

/* Writes an event of the program's own. `now_us` is since 1970. */
void tb_log_event(struct tb_log *log, enum tb_log_level level, int64_t now_us,
		  const char *message, const struct tb_log_field *fields,
		  size_t n_fields);
/* The same with one text. */
void tb_log_text(struct tb_log *log, enum tb_log_level level,
		 const char *message, const char *name, struct tb_str text);

/* Writes the line of a finished request. */
void tb_log_access(struct tb_log *log, int64_t now_us,
		   const struct tb_access *access);

/* The lines themselves, with their line end; for tests. */
void tb_log_put_event(struct tb_buf *buf, enum tb_log_level level,
		      int64_t now_us, const char *message,
		      const struct tb_log_field *fields, size_t n_fields);
void tb_log_put_access(struct tb_buf *buf, int64_t now_us,
		       const struct tb_access *access);

/* "site/63", "user/user123": a principal, in logs and in the audit trail. */
void tb_log_put_principal(struct tb_buf *buf,
			  const struct tb_principal *principal);

/* Now, since 1970. */
int64_t tb_log_now_us(void);

#endif
