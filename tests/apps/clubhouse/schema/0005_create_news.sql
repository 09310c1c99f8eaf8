CREATE TABLE news (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  title VARCHAR(150) NOT NULL,
  body TEXT NOT NULL,
  author_id INT UNSIGNED NULL,
  published_at DATETIME NOT NULL,
  PRIMARY KEY (id),
  KEY news_published_at (published_at),
  CONSTRAINT news_author FOREIGN KEY (author_id) REFERENCES members (id) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
