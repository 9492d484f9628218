"""The same service, tuned: handlers on the event loop, an asynchronous client;
bench/peers/run starts it on uvicorn's faster loop and parser (uvloop and
httptools)."""

import httpx
from fastapi import FastAPI, HTTPException

from chat_fastapi import Chat, MODEL_URL, SessionManager, answer_of, prompt

app = FastAPI()
manager = SessionManager()
# kept connections, and more than httpx's 100 at a time
model = httpx.AsyncClient(timeout=120, trust_env=False, limits=httpx.Limits(
    max_connections=None, max_keepalive_connections=100))


@app.post("/session/new")
async def session_new():
    return {"session_id": manager.create(),
            "message": "Session créée avec succès"}


@app.post("/session/chat")
async def session_chat(chat: Chat):
    sid = manager.find_or_create(chat.session_id)
    answer = answer_of(await model.post(
        MODEL_URL, json=prompt(manager.history(sid), chat.message)))
    return {"response": answer, "session_id": sid,
            "message_count": manager.append(sid, chat.message, answer),
            "success": True}


@app.get("/session/{sid}/info")
async def session_info(sid: str):
    return manager.info(sid)


@app.delete("/session/{sid}")
async def session_delete(sid: str):
    if not manager.delete(sid):
        raise HTTPException(404, "Session non trouvée ou expirée")
    return {"message": "Session supprimée avec succès"}


@app.get("/sessions/stats")
async def sessions_stats():
    return {"active_sessions": manager.count()}
