#include "http/route.h"

#include "http/method.h"
#include "http/uri.h"

/* The methods that a route answers: HEAD wherever there is GET. */
static unsigned route_methods(const struct tb_route *route)
{
	unsigned methods = tb_method_bit(route->method);

	if (route->method == TB_GET)
		methods |= tb_method_bit(TB_HEAD);
	return methods;
}

/* True if `prefix` ends where a segment of the path ends. */
static bool has_prefix(struct tb_str path, struct tb_str prefix)
{
	return tb_str_starts(path, prefix) &&
	       (path.n == prefix.n || path.p[prefix.n] == '/');
}

static bool is_capture(struct tb_str segment)
{
	return segment.n >= 2 && segment.p[0] == '{' &&
	       segment.p[segment.n - 1] == '}';
}

/* Compares segment by segment; the captures are noted as they were sent. */
static bool path_matches(const struct tb_route *route, struct tb_str path,
			 struct tb_str params[TB_PARAMS_MAX])
{
	struct tb_str pattern = tb_str_z(route->path);
	size_t n_params = 0;

	while (pattern.p && path.p) {
		struct tb_str want = tb_str_cut(&pattern, '/');
		struct tb_str have = tb_str_cut(&path, '/');

		if (is_capture(want)) {
			if (have.n == 0 || n_params == TB_PARAMS_MAX)
				return false;
			params[n_params++] = have;
		} else if (!tb_str_eq(want, have)) {
			return false;
		}
	}
	return !pattern.p && !path.p;
}

/* What one API says to the part of a path behind its prefix: the first of its
 * routes that fits, a HEAD of its own before the GET that stands in for it. */
static void match_routes(const struct tb_mount *mount, enum tb_method method,
			 struct tb_str path, struct tb_match_result *match)
{
	const struct tb_api *api = mount->api;
	size_t i;

	*match = (struct tb_match_result) { .match = TB_MATCH_PATH,
					    .mount = mount };
	for (i = 0; i < api->n_routes; i++) {
		const struct tb_route *route = &api->routes[i];
		struct tb_str params[TB_PARAMS_MAX] = { { NULL, 0 } };

		if (!path_matches(route, path, params))
			continue;
		match->methods |= route_methods(route);
		if (!(route_methods(route) & tb_method_bit(method)))
			continue;
		if (match->route && route->method != method)
			continue;
		if (match->route && match->route->method == method)
			continue;
		match->route = route;
		memcpy(match->params, params, sizeof(params));
	}
	if (match->route)
		match->match = TB_MATCH_ROUTE;
	else if (match->methods)
		match->match = TB_MATCH_METHOD;
}

/* Of two APIs below one prefix the one that knows more of the path answers;
 * what both know of it by other methods is added up. */
static void keep_better(struct tb_match_result *best,
			const struct tb_match_result *found)
{
	unsigned methods = best->methods | found->methods;

	if (found->match > best->match)
		*best = *found;
	best->methods = methods;
}

static enum tb_err decode_params(struct tb_arena *arena,
				 struct tb_match_result *match)
{
	size_t i;

	for (i = 0; i < TB_PARAMS_MAX && match->params[i].p; i++) {
		enum tb_err err = tb_uri_decode(arena, match->params[i], false,
						&match->params[i]);

		if (err)
			return err;
	}
	return TB_OK;
}

enum tb_err tb_route_find(const struct tb_mount *mounts, size_t n_mounts,
			  enum tb_method method, struct tb_str path,
			  struct tb_arena *arena, struct tb_match_result *ret)
{
	struct tb_match_result best = { .match = TB_MATCH_NONE };
	size_t best_len = 0, i;
	const char *const *p;
	enum tb_err err;

	for (i = 0; i < n_mounts; i++) {
		for (p = mounts[i].api->prefixes; *p; p++) {
			struct tb_str prefix = tb_str_z(*p), rest = path;
			struct tb_match_result found;

			if (!has_prefix(path, prefix) || prefix.n < best_len)
				continue;
			rest.p += prefix.n;
			rest.n -= prefix.n;
			match_routes(&mounts[i], method, rest, &found);
			if (prefix.n > best_len)
				best = found;
			else
				keep_better(&best, &found);
			best_len = prefix.n;
		}
	}
	err = decode_params(arena, &best);
	if (!err)
		*ret = best;
	return err;
}
