"""The customer's Python client, as it stands in the customer's document."""

import requests

class ChatbotClient:
    def __init__(self, api_url="http://localhost:8000"):
        self.api_url = api_url
        self.session_id = None
    
    def create_session(self):
        """Crée une nouvelle session."""
        response = requests.post(f"{self.api_url}/session/new")
        data = response.json()
        self.session_id = data["session_id"]
        return self.session_id
    
    def chat(self, message):
        """Envoie un message et reçoit une réponse."""
        if not self.session_id:
            self.create_session()
        
        response = requests.post(
            f"{self.api_url}/session/chat",
            json={
                "message": message,
                "session_id": self.session_id
            }
        )
        data = response.json()
        return data["response"]
    
    def reset(self):
        """Réinitialise la conversation."""
        if self.session_id:
            requests.delete(f"{self.api_url}/session/{self.session_id}")
        self.create_session()
