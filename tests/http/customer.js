let sessionId = null;

// 1. Créer ou charger une session
async function initSession() {
    // Vérifier localStorage
    const savedId = localStorage.getItem('chatbot_session_id');
    
    if (savedId) {
        // Vérifier si valide
        const response = await fetch(`/session/${savedId}/info`);
        if (response.ok) {
            sessionId = savedId;
            return;
        }
    }
    
    // Créer nouvelle session
    const response = await fetch('/session/new', { method: 'POST' });
    const data = await response.json();
    sessionId = data.session_id;
    localStorage.setItem('chatbot_session_id', sessionId);
}

// 2. Envoyer un message
async function sendMessage(message) {
    const response = await fetch('/session/chat', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ 
            message: message,
            session_id: sessionId 
        })
    });
    
    const data = await response.json();
    console.log(data.response);
    console.log(`Messages dans la session: ${data.message_count}`);
}
