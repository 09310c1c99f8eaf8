<?php

// Who came to practice. The card reader in the gym only knows the number on the card.

function check_in($card_no, $came_at = null, $place = 'gym')
{
    q('INSERT INTO attendances (card_no, came_at, place) VALUES (?, ?, ?)', [$card_no, $came_at ?? date('Y-m-d H:i:s'), $place]);
}

/** The last 12 months, oldest first: ['2026-01', '2026-02', ...] */
function last_months()
{
    $months = [];
    for ($i = 11; $i >= 0; $i--) {
        $months[] = date('Y-m', strtotime("first day of -$i month"));
    }
    return $months;
}

/** One row for each member: member, months (month => visits), total, last visit. Most diligent first. */
function attendance_stats()
{
    $stats = [];
    foreach (rows('SELECT id FROM members ORDER BY id') as $r) {
        $member = find_member($r['id']);
        $months = [];
        foreach (last_months() as $month) {
            $months[$month] = (int)value(
                "SELECT COUNT(*) FROM attendances WHERE card_no = ? AND DATE_FORMAT(came_at, '%Y-%m') = ?",
                [$member['card_no'], $month]
            );
        }
        $last = value('SELECT MAX(came_at) FROM attendances WHERE card_no = ?', [$member['card_no']]);
        $stats[] = ['member' => $member, 'months' => $months, 'total' => array_sum($months), 'last' => $last];
    }
    usort($stats, function ($a, $b) {
        return $b['total'] <=> $a['total'] ?: $a['member']['id'] <=> $b['member']['id'];
    });
    return $stats;
}

/** Visits of one member this month, for the profile page. */
function visits_this_month($member)
{
    return (int)value("SELECT COUNT(*) FROM attendances WHERE card_no = ? AND DATE_FORMAT(came_at, '%Y-%m') = ?", [$member['card_no'], date('Y-m')]);
}

/**
 * Lines of the card reader's file: "C00012,2026-04-01 18:55[,place]". Returns [taken, refused].
 */
function import_attendances($text)
{
    $taken = 0;
    $refused = 0;
    foreach (preg_split('/\R/', $text) as $line) {
        if (trim($line) === '') {
            continue;
        }
        $parts = array_map('trim', explode(',', $line));
        $came_at = valid_datetime($parts[1] ?? '');
        if (!$came_at || !value('SELECT COUNT(*) FROM members WHERE card_no = ?', [$parts[0]])) {
            $refused++;
            continue;
        }
        check_in($parts[0], $came_at, mb_substr($parts[2] ?? 'gym', 0, 20));
        $taken++;
    }
    return [$taken, $refused];
}
