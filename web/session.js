/*
 * The session's id, where the next visit and the other tabs find it: in
 * localStorage, in memory where there is none.
 */

const SESSION_KEY = "chatbot_session_id";
const CHANGED_KEY = "chatbot_session_changed";	/* tells the other tabs */

export const session = {
	memory: null,

	get id() {
		try {
			return localStorage.getItem(SESSION_KEY);
		} catch {
			return this.memory;
		}
	},

	set id(id) {
		if (id === this.id)
			return;
		this.memory = id;
		try {
			if (id === null)
				localStorage.removeItem(SESSION_KEY);
			else
				localStorage.setItem(SESSION_KEY, id);
		} catch {
			/* then only this page knows it */
		}
	},

	/* Let the other tabs show what was said. */
	changed() {
		try {
			localStorage.setItem(CHANGED_KEY, crypto.randomUUID?.() ??
			    String(Date.now()));
		} catch {
			/* then there is none to tell */
		}
	},
};

/* Whether a storage event is another tab that has spoken, or begun anew. */
export function isOfSession({ key }) {
	return key === null || key === SESSION_KEY || key === CHANGED_KEY;
}
