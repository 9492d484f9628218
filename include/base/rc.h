/*
 * The results of an operation, in one list: name, HTTP status, stable code and
 * the text for a person in French and English are one row, so that they
 * cannot drift apart.
 */
#ifndef BASE_RC_H
#define BASE_RC_H

/* The languages that texts for people exist in; French is the default. */
enum lang {
	LANG_FR,
	LANG_EN,
};

#define RC_LIST(X)                                                             \
	X(RC_OK, 200, NULL, "Succès", "Success")                               \
	X(RC_JSON, 400, "invalid_json",                                        \
	    "Le corps de la requête n'est pas un objet JSON valide",           \
	    "The request body is not a valid JSON object")                     \
	X(RC_UTF8, 400, "invalid_json",                                        \
	    "Le corps de la requête n'est pas en UTF-8",                       \
	    "The request body is not UTF-8")                                   \
	X(RC_REQUEST, 400, "invalid_request", "La requête est mal formée",     \
	    "The request is malformed")                                        \
	X(RC_SESSION_ID, 400, "invalid_session_id",                            \
	    "L'identifiant de session n'est pas un UUID",                      \
	    "The session id is not a UUID")                                    \
	X(RC_ORIGIN, 403, "origin_not_allowed",                                \
	    "Cette page n'a pas le droit d'utiliser le service",               \
	    "This page may not use the service")                               \
	X(RC_NOSESSION, 404, "session_not_found",                              \
	    "Session non trouvée ou expirée", "Session not found or expired")  \
	X(RC_NOTFOUND, 404, "not_found", "Cette adresse n'existe pas",         \
	    "This address does not exist")                                     \
	X(RC_METHOD, 405, "method_not_allowed",                                \
	    "Cette méthode n'est pas permise ici",                             \
	    "This method is not allowed here")                                 \
	X(RC_BUSY, 409, "session_busy",                                        \
	    "Une réponse est déjà en cours dans cette session",                \
	    "An answer is already in progress in this session")                \
	X(RC_DELETED, 410, "session_deleted", "La session a été supprimée",    \
	    "The session was deleted")                                         \
	X(RC_BODY_SIZE, 413, "body_too_large",                                 \
	    "Le corps de la requête est trop long",                            \
	    "The request body is too large")                                   \
	X(RC_MESSAGE_SIZE, 413, "message_too_long",                            \
	    "Le message est trop long", "The message is too long")             \
	X(RC_URI_SIZE, 414, "uri_too_long", "L'adresse est trop longue",       \
	    "The address is too long")                                         \
	X(RC_MEDIA, 415, "unsupported_media_type",                             \
	    "Le corps doit être de type application/json",                     \
	    "The body must be of type application/json")                       \
	X(RC_CHARSET, 415, "unsupported_media_type",                           \
	    "Le corps doit être en UTF-8", "The body must be in UTF-8")        \
	X(RC_ENCODING, 415, "unsupported_media_type",                          \
	    "Le corps ne doit pas être compressé",                             \
	    "The body must not be compressed")                                 \
	X(RC_FIELD, 422, "invalid_field", "Un champ est absent ou incorrect",  \
	    "A field is missing or wrong")                                     \
	X(RC_RATE, 429, "rate_limited",                                        \
	    "Trop de requêtes, réessayez plus tard",                           \
	    "Too many requests, try again later")                              \
	X(RC_TOO_MANY_SESSIONS, 429, "too_many_sessions",                      \
	    "Trop de sessions sont ouvertes depuis votre adresse",             \
	    "Too many sessions are open from your address")                    \
	X(RC_TOO_MANY_TURNS, 429, "too_many_turns",                            \
	    "Trop de réponses sont en cours depuis votre adresse",             \
	    "Too many answers are in progress to your address")                \
	X(RC_BUDGET, 429, "budget_exhausted",                                  \
	    "Le budget du jour est épuisé, réessayez demain",                  \
	    "Today's budget is exhausted, try again tomorrow")                 \
	X(RC_HEADER_SIZE, 431, "headers_too_large",                            \
	    "Les en-têtes de la requête sont trop longs",                      \
	    "The headers of the request are too large")                        \
	X(RC_UNKNOWN, 501, "not_implemented", "Méthode ou codage inconnu",     \
	    "Unknown method or coding")                                        \
	X(RC_UPSTREAM, 502, "upstream_failed",                                 \
	    "Aucune réponse utilisable n'a été donnée, réessayez",             \
	    "No usable answer was given, try again")                           \
	X(RC_UPSTREAM_DOWN, 503, "upstream_unavailable",                       \
	    "Le modèle de langage ne répond pas, réessayez plus tard",         \
	    "The language model is not available, try again later")            \
	X(RC_UPSTREAM_TIMEOUT, 504, "upstream_timeout",                        \
	    "Le modèle de langage n'a pas répondu à temps, réessayez",         \
	    "The language model did not answer in time, try again")            \
	X(RC_KEY_REUSED, 422, "idempotency_key_reused",                        \
	    "Cette clé Idempotency-Key a servi à un autre message",            \
	    "This Idempotency-Key was used for another message")               \
	X(RC_NOMEM, 503, "unavailable",                                        \
	    "Le service manque de mémoire, réessayez plus tard",               \
	    "The service is out of memory, try again later")                   \
	X(RC_ENTROPY, 503, "unavailable",                                      \
	    "Le service ne peut pas créer d'identifiant, réessayez plus tard", \
	    "The service cannot create an id, try again later")                \
	X(RC_UNAVAILABLE, 503, "unavailable",                                  \
	    "Le service est momentanément indisponible",                       \
	    "The service is unavailable at the moment")                        \
	X(RC_HELD, 409, "session_busy",                                        \
	    "Une réponse est déjà en cours dans cette session",                \
	    "An answer is already in progress in this session")                \
	X(RC_LOST, 503, "unavailable",                                         \
	    "Une autre réponse a été donnée entre-temps, réessayez",           \
	    "Another answer was given meanwhile, try again")                   \
	X(RC_CAPACITY, 503, "session_capacity",                                \
	    "Trop de sessions sont ouvertes, réessayez plus tard",             \
	    "Too many sessions are open, try again later")                     \
	/* why an answer was ended early: a status, not an error */            \
	X(RC_STOPPED, 200, "stopped", "La réponse a été arrêtée",              \
	    "The answer was stopped")                                          \
	X(RC_ANSWER_SIZE, 200, "answer_too_long",                              \
	    "La réponse a atteint sa longueur maximale",                       \
	    "The answer reached its maximum length")                           \
	X(RC_LENGTH, 200, "length",                                            \
	    "Réponse coupée : elle était trop longue",                         \
	    "Answer cut off: it was too long")                                 \
	X(RC_FILTER, 200, "content_filter",                                    \
	    "Réponse coupée par le filtre du modèle de langage",               \
	    "Answer cut off by the language model's filter")

#define RC_ENUM(name, status, code, fr, en) name,
enum rc { RC_LIST(RC_ENUM) RC_COUNT };
#undef RC_ENUM

/* The HTTP status of a result, 200 to 599. */
int rc_status(enum rc);

/* The stable code for programs; NULL for RC_OK. */
const char *rc_code(enum rc);

/* The text for people, without a final period. Never NULL. */
const char *rc_text(enum rc, enum lang);

#endif
