/* What the page says. */

export const INTERRUPTED = {
	stopped: "Interrompu",
	upstream_failed: "Interrompu : la réponse n’a pas pu être achevée",
	upstream_timeout: "Interrompu : la suite de la réponse n’est pas venue",
	answer_too_long: "Interrompu : longueur maximale atteinte",
	length: "Réponse coupée : elle était trop longue",
	content_filter: "Réponse coupée : le modèle a refusé la suite",
	unavailable: "Interrompu : le service s’arrête",
};
export const TEXTS = {
	running: "Causerie répond…",
	stopped: "La réponse a été arrêtée avant d’avoir commencé.",
	anew: "Nouvelle conversation.",
	expired: "La conversation précédente avait expiré, celle-ci en est une nouvelle.",
	shortened: "Le début de cette conversation n’est plus conservé.",
	unloaded: "La conversation n’a pas pu être affichée. ",
	undeleted: "La conversation n’a pas pu être effacée. ",
	goOn: "Continuez votre réponse là où elle s’est arrêtée.",
	unexpected: "Une erreur inattendue est survenue.",
};
