"""The service of the customer's document as a FastAPI program.

As the document has it: sessions in a dict with a lock, a thread that sweeps the
expired ones, handlers that may block and therefore run on FastAPI's threads;
one process, since the dict is its own. bench/peers/run starts it with uvicorn;
$MODEL_URL, $SYSTEM_PROMPT and $HISTORY are the same for all peers.
"""

import os
import threading
import time
import uuid
from datetime import datetime, timedelta
from typing import Optional

import requests
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

MODEL_URL = os.environ["MODEL_URL"]
SYSTEM_PROMPT = os.environ["SYSTEM_PROMPT"]
HISTORY = int(os.environ["HISTORY"])


class SessionManager:
    def __init__(self, session_timeout_minutes=30, cleanup_seconds=300):
        self.timeout = timedelta(minutes=session_timeout_minutes)
        self.sessions = {}
        self.lock = threading.Lock()
        threading.Thread(target=self._cleanup, args=(cleanup_seconds,),
                         daemon=True).start()

    def _cleanup(self, seconds):
        while True:
            time.sleep(seconds)
            with self.lock:
                now = datetime.utcnow()
                for sid in [sid for sid, s in self.sessions.items()
                            if now - s["last_activity"] > self.timeout]:
                    del self.sessions[sid]

    def create(self):
        sid = str(uuid.uuid4())
        now = datetime.utcnow()
        with self.lock:
            self.sessions[sid] = {"history": [], "message_count": 0,
                                  "created_at": now, "last_activity": now}
        return sid

    def get(self, sid):
        with self.lock:
            session = self.sessions.get(sid)
            if session is None or (datetime.utcnow() - session["last_activity"]
                                   > self.timeout):
                return None
            return session

    def find_or_create(self, sid):
        return sid if sid and self.get(sid) is not None else self.create()

    def history(self, sid):
        with self.lock:
            return list(self.sessions[sid]["history"])

    def append(self, sid, question, answer):
        with self.lock:
            session = self.sessions.get(sid)
            if session is None:
                return 0
            session["history"] = (session["history"] + [
                {"role": "user", "content": question},
                {"role": "assistant", "content": answer}])[-HISTORY:]
            session["message_count"] += 2
            session["last_activity"] = datetime.utcnow()
            return session["message_count"]

    def info(self, sid):
        session = self.get(sid)
        if session is None:
            raise HTTPException(404, "Session non trouvée ou expirée")
        end = session["last_activity"] + self.timeout
        return {"session_id": sid, "message_count": session["message_count"],
                "created_at":
                    session["created_at"].isoformat(timespec="seconds"),
                "last_activity":
                    session["last_activity"].isoformat(timespec="seconds"),
                "expires_in_minutes":
                    int((end - datetime.utcnow()).total_seconds() / 60)}

    def delete(self, sid):
        with self.lock:
            return self.sessions.pop(sid, None) is not None

    def count(self):
        with self.lock:
            return len(self.sessions)


class Chat(BaseModel):
    message: str
    session_id: Optional[str] = None


def prompt(history, message):
    return {"model": "m", "messages": [
        {"role": "system", "content": SYSTEM_PROMPT}, *history,
        {"role": "user", "content": message}]}


def answer_of(reply):
    if reply.status_code != 200:
        raise HTTPException(502, "Le modèle n'a pas répondu")
    return reply.json()["choices"][0]["message"]["content"]


app = FastAPI()
manager = SessionManager()
model = requests.Session()
model.trust_env = False
# a kept connection for each of the threads
model.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=40))


@app.post("/session/new")
def session_new():
    return {"session_id": manager.create(),
            "message": "Session créée avec succès"}


@app.post("/session/chat")
def session_chat(chat: Chat):
    sid = manager.find_or_create(chat.session_id)
    answer = answer_of(model.post(
        MODEL_URL, json=prompt(manager.history(sid), chat.message),
        timeout=120))
    return {"response": answer, "session_id": sid,
            "message_count": manager.append(sid, chat.message, answer),
            "success": True}


@app.get("/session/{sid}/info")
def session_info(sid: str):
    return manager.info(sid)


@app.delete("/session/{sid}")
def session_delete(sid: str):
    if not manager.delete(sid):
        raise HTTPException(404, "Session non trouvée ou expirée")
    return {"message": "Session supprimée avec succès"}


@app.get("/sessions/stats")
def sessions_stats():
    return {"active_sessions": manager.count()}
