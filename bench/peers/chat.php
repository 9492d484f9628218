<?php
/*
 * The service of the customer's document for PHP-FPM: a session is an entry in
 * APCu, which expires by itself. MODEL_URL, SYSTEM_PROMPT and HISTORY are in
 * the environment, the same for all peers.
 */
declare(strict_types=1);

const TIMEOUT = 30 * 60;

function reply(int $status, array $body): never
{
	http_response_code($status);
	header('Content-Type: application/json');
	echo json_encode($body, JSON_UNESCAPED_UNICODE);
	exit;
}

function uuid(): string
{
	$bytes = random_bytes(16);
	$bytes[6] = chr(ord($bytes[6]) & 0x0f | 0x40);
	$bytes[8] = chr(ord($bytes[8]) & 0x3f | 0x80);
	return vsprintf('%s%s-%s-%s-%s-%s%s%s',
	    str_split(bin2hex($bytes), 4));
}

function session_create(): array
{
	$now = time();
	$session = ['id' => uuid(), 'history' => [], 'message_count' => 0,
	    'created_at' => $now, 'last_activity' => $now];
	session_keep($session);
	return $session;
}

function session_keep(array $session): void
{
	apcu_store('session:' . $session['id'], $session, TIMEOUT);
}

function session_find(?string $id): ?array
{
	$session = $id ? apcu_fetch('session:' . $id) : false;
	return $session === false ? null : $session;
}

function ask(array $history, string $message): string
{
	$messages = [['role' => 'system', 'content' => getenv('SYSTEM_PROMPT')],
	    ...$history, ['role' => 'user', 'content' => $message]];
	$call = curl_init(getenv('MODEL_URL'));
	curl_setopt_array($call, [
	    CURLOPT_POST => true,
	    CURLOPT_POSTFIELDS => json_encode(
	        ['model' => 'm', 'messages' => $messages]),
	    CURLOPT_HTTPHEADER => ['Content-Type: application/json'],
	    CURLOPT_RETURNTRANSFER => true,
	    CURLOPT_TIMEOUT => 120]);
	$body = curl_exec($call);
	if ($body === false || curl_getinfo($call, CURLINFO_HTTP_CODE) !== 200)
		reply(502, ['detail' => 'Le modèle n\'a pas répondu']);
	return json_decode($body, true)['choices'][0]['message']['content'];
}

function session_chat(): never
{
	$chat = json_decode(file_get_contents('php://input'), true);
	if (!is_string($chat['message'] ?? null))
		reply(422, ['detail' => 'message']);
	$session = session_find($chat['session_id'] ?? null)
	    ?? session_create();
	$answer = ask($session['history'], $chat['message']);
	$session['history'] = array_slice([...$session['history'],
	    ['role' => 'user', 'content' => $chat['message']],
	    ['role' => 'assistant', 'content' => $answer]],
	    -(int)getenv('HISTORY'));
	$session['message_count'] += 2;
	$session['last_activity'] = time();
	session_keep($session);
	reply(200, ['response' => $answer, 'session_id' => $session['id'],
	    'message_count' => $session['message_count'], 'success' => true]);
}

function iso(int $time): string
{
	return gmdate('Y-m-d\TH:i:s', $time);
}

function session_info(string $id): never
{
	$session = session_find($id)
	    ?? reply(404, ['detail' => 'Session non trouvée ou expirée']);
	$left = $session['last_activity'] + TIMEOUT - time();
	reply(200, ['session_id' => $id,
	    'message_count' => $session['message_count'],
	    'created_at' => iso($session['created_at']),
	    'last_activity' => iso($session['last_activity']),
	    'expires_in_minutes' => intdiv($left, 60)]);
}

$path = strtok($_SERVER['REQUEST_URI'], '?');
$request = $_SERVER['REQUEST_METHOD'] . ' ' . $path;
if ($request === 'POST /session/new')
	reply(200, ['session_id' => session_create()['id'],
	    'message' => 'Session créée avec succès']);
if ($request === 'POST /session/chat')
	session_chat();
if (preg_match('#^GET /session/([^/]+)/info$#', $request, $found))
	session_info($found[1]);
if (preg_match('#^DELETE /session/([^/]+)$#', $request, $found)) {
	if (!apcu_delete('session:' . $found[1]))
		reply(404, ['detail' => 'Session non trouvée ou expirée']);
	reply(200, ['message' => 'Session supprimée avec succès']);
}
if ($request === 'GET /sessions/stats')
	reply(200, ['active_sessions' => apcu_cache_info(true)['num_entries']]);
reply(404, ['detail' => 'Not Found']);
