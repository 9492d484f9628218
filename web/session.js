/*
 * The session's id, where the next visit and the other tabs find it: in
 * localStorage, or in this page alone where that cannot be read or written.
 */

const SESSION_KEY = "chatbot_session_id";
const CHANGED_KEY = "chatbot_session_changed";	/* tells the other tabs */
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

function readStored() {
	try {
		return localStorage.getItem(SESSION_KEY);
	} catch {
		return null;
	}
}

/* What cannot be written must not leave an older id behind. */
function writeStored(id) {
	try {
		if (id !== null)
			localStorage.setItem(SESSION_KEY, id);
		else
			localStorage.removeItem(SESSION_KEY);
	} catch {
		if (id !== null)
			writeStored(null);
	}
}

export const session = {
	alone: false,		/* only this page knows the id */
	own: null,		/* that id */

	get id() {
		const id = this.alone ? this.own : readStored();
		return id !== null && UUID.test(id) ? id : null;
	},

	set id(id) {
		if (id === (this.alone ? this.own : readStored()))
			return;
		writeStored(id);
		this.own = id;
		this.alone = readStored() !== id;
	},

	/* Let the other tabs show what was said. */
	changed() {
		try {
			localStorage.setItem(CHANGED_KEY,
			    `${Date.now()} ${Math.random()}`);
		} catch {
			/* then there is none to tell */
		}
	},
};

/* Whether a storage event is another tab that has spoken, or begun anew. */
export function isOfSession({ key }) {
	return key === null || key === SESSION_KEY || key === CHANGED_KEY;
}
