<?php

define('EVENT_COLUMNS', 'e.*, (SELECT COUNT(*) FROM signups s WHERE s.event_id = e.id) AS signup_count');

function find_event($id)
{
    return row('SELECT ' . EVENT_COLUMNS . ' FROM events e WHERE e.id = ?', [$id]);
}

function upcoming_events($limit = 100)
{
    return rows('SELECT ' . EVENT_COLUMNS . ', m.name AS organiser_name
        FROM events e LEFT JOIN members m ON m.id = e.organiser_id
        WHERE e.starts_at >= NOW() ORDER BY e.starts_at, e.id LIMIT ' . (int)$limit);
}

function past_events($limit = 20)
{
    return rows('SELECT ' . EVENT_COLUMNS . ', m.name AS organiser_name
        FROM events e LEFT JOIN members m ON m.id = e.organiser_id
        WHERE e.starts_at < NOW() ORDER BY e.starts_at DESC, e.id DESC LIMIT ' . (int)$limit);
}

function event_is_over($event)
{
    return strtotime($event['starts_at']) < time();
}

/** Free places; null means no limit. */
function free_places($event)
{
    return $event['capacity'] === null ? null : max(0, $event['capacity'] - $event['signup_count']);
}

function places_text($event)
{
    $free = free_places($event);
    if ($free === null) {
        return t('定員なし', 'no limit') . ' (' . $event['signup_count'] . t('名参加', ' going') . ')';
    }
    if ($free === 0) {
        return t('満員', 'full') . ' (' . $event['signup_count'] . '/' . $event['capacity'] . ')';
    }
    return t("残り{$free}名", "$free places left") . ' (' . $event['signup_count'] . '/' . $event['capacity'] . ')';
}

function is_signed_up($event_id, $member_id)
{
    return value('SELECT COUNT(*) FROM signups WHERE event_id = ? AND member_id = ?', [$event_id, $member_id]) > 0;
}

/** Returns 'ok', 'already', 'full', 'over' or 'not_found'. */
function sign_up($event_id, $member_id, $note = '')
{
    $db = db();
    $db->beginTransaction();
    // lock the event, or two people get the last place
    $event = row('SELECT * FROM events WHERE id = ? FOR UPDATE', [$event_id]);
    if (!$event) {
        $result = 'not_found';
    } elseif (event_is_over($event)) {
        $result = 'over';
    } elseif (is_signed_up($event_id, $member_id)) {
        $result = 'already';
    } else {
        $count = value('SELECT COUNT(*) FROM signups WHERE event_id = ?', [$event_id]);
        if ($event['capacity'] !== null && $count >= $event['capacity']) {
            $result = 'full';
        } else {
            q('INSERT INTO signups (event_id, member_id, note) VALUES (?, ?, ?)', [$event_id, $member_id, mb_substr($note, 0, 200)]);
            $result = 'ok';
        }
    }
    $db->commit();
    if ($result === 'ok') {
        forget_home();
    }
    return $result;
}

function cancel_signup($event_id, $member_id)
{
    $st = q('DELETE FROM signups WHERE event_id = ? AND member_id = ?', [$event_id, $member_id]);
    forget_home();
    return $st->rowCount() > 0;
}
