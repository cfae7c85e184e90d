/*
 * Assertions for what only a bug can break; they stay on in release. Never
 * for input: input that is wrong is an error, not a bug.
 */
#ifndef TB_BASE_ASSERT_H
#define TB_BASE_ASSERT_H

_Noreturn void tb_assert_failed(const char *expr, const char *file, int line);

#define TB_ASSERT(expr)                                                        \
	((expr) ? (void)0 : tb_assert_failed(#expr, __FILE__, __LINE__))
#define TB_UNREACHABLE() tb_assert_failed("unreachable", __FILE__, __LINE__)

#define TB_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
