CREATE TABLE members (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  email VARCHAR(190) NOT NULL,
  password_hash VARCHAR(255) NOT NULL,
  name VARCHAR(100) NOT NULL,
  name_kana VARCHAR(100) NOT NULL DEFAULT '',
  phone VARCHAR(20) NULL,
  birthday DATE NULL,
  bio TEXT NULL,
  role ENUM('member','admin') NOT NULL DEFAULT 'member',
  card_no CHAR(6) NULL,
  joined_on DATE NOT NULL,
  last_login_at DATETIME NULL,
  created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (id),
  UNIQUE KEY members_email (email),
  UNIQUE KEY members_card_no (card_no)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
